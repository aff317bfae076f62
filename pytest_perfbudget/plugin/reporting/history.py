"""The history of a session: the result is held against the anchor, and appended to the file of the configuration."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_perfbudget.baseline.commit import current_branch, folder_in_repository, full_commit, is_dirty
from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.core.decision import has_numbers
from pytest_perfbudget.core.history.dependencies import dependencies_text
from pytest_perfbudget.core.history.session import Circumstances, HistorySession, history_session
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.session_findings import drift_not_judged
from pytest_perfbudget.errors import HistoryError
from pytest_perfbudget.plugin.collection.collected import typed
from pytest_perfbudget.plugin.session import PerfSession
from pytest_perfbudget.report.remedies import named

if TYPE_CHECKING:
    from pytest_perfbudget.core.finding import Finding
    from pytest_perfbudget.plugin.reporting.drift_of_pairs import DriftOfPairs

_DAY_S: Final = 86_400


def with_unjudged_drift(session: PerfSession, result: RunResult, *, has_history: bool) -> RunResult:
    """Return a session's result with a finding if the table asks for drift that cannot be judged.

    Args:
        session: the session.
        result: its result.
        has_history: whether the session has a history; without one, drift has nothing to be held against.
    """
    settings = session.settings
    asked = "max_drift" if settings.max_drift is not None else "anchor" if settings.anchor else ""
    if not asked or (has_history and settings.anchor):
        return result
    pairs = _of_pairs(session, result) if settings.anchor else None
    found: list[Finding] = [] if pairs is None else [*pairs.findings]
    settled = set() if pairs is None else pairs.settled
    rest = [one.id for one in result.measurements if has_numbers(one) and (one.nodeid, one.name) not in settled]
    if found and not rest:
        return replace(result, findings=[*result.findings, *found])
    if has_history:
        problem = 'max_drift needs an anchor, such as anchor = "last-tag" in [tool.perfbudget]'
    else:
        of = f" for {named(rest)}, which has no time that was compared with the anchor" if found else ""
        wanted = 'history = ".perfbudget/history.db" in [tool.perfbudget], or --perf-history'
        problem = f"{asked} needs a history{of}: {wanted}"
    return replace(result, findings=[*result.findings, *found, drift_not_judged(problem, session.policy)])


def _of_pairs(session: PerfSession, result: RunResult) -> DriftOfPairs | None:
    """Return the drift of a session without a history that compared its code with that of the anchor, if it did."""
    if session.config.option.perf_against is None:
        return None
    from pytest_perfbudget.history.anchor import find_anchor  # noqa: PLC0415 - few sessions need it
    from pytest_perfbudget.plugin.reporting.drift_of_pairs import find_drift_of_pairs  # noqa: PLC0415

    try:
        return find_drift_of_pairs(session, result, find_anchor(session.config.rootpath, session.settings.anchor))
    except HistoryError:
        return None


@dataclass(frozen=True, slots=True)
class _Revision:
    """The code of a session: the commit, its branch, whether tracked files differ, and the folder in the repository."""

    commit: str
    branch: str
    is_dirty: bool
    folder: str


class SessionHistory:
    """The history of a session that has a history.

    The code is that of the beginning: a test may commit, an update writes the baseline, and a user goes on working.

    Args:
        session: the session.
        file: the file of the history.
    """

    def __init__(self, session: PerfSession, file: Path) -> None:
        self._session = session
        self._file = file
        root = session.config.rootpath
        self._revision = _Revision(full_commit(root), current_branch(root), is_dirty(root), folder_in_repository(root))
        self._now: HistorySession | None = None
        self._anchor = ""

    def with_drift(self, result: RunResult) -> RunResult:
        """Return a session's result with the findings on the drift since the anchor, if there is an anchor."""
        name = self._session.settings.anchor
        if not name:
            return with_unjudged_drift(self._session, result, has_history=True)
        policy = self._session.policy
        found: list[Finding] = []
        try:
            # Imported here: sessions without an anchor need no numpy, and some builds of Python have no SQLite.
            from pytest_perfbudget.history.anchor import find_anchor  # noqa: PLC0415
            from pytest_perfbudget.history.line import line_of  # noqa: PLC0415
            from pytest_perfbudget.plugin.reporting.drift import DriftHistory, find_drift  # noqa: PLC0415
            from pytest_perfbudget.plugin.reporting.drift_of_pairs import find_drift_of_pairs  # noqa: PLC0415

            anchor = find_anchor(self._session.config.rootpath, name)
            self._anchor = anchor.commit
            now = self._in_short(result)
            pairs = find_drift_of_pairs(self._session, result, anchor)
            found += pairs.findings
            rest = replace(now, points=[one for one in now.points if (one.test, one.name) not in pairs.settled])
            line = line_of(self._session.config.rootpath, self._revision.commit)
            history = DriftHistory(self._file, self._typed_file, self._oldest_s(now), anchor, line)
            found += find_drift(result, rest, history, policy, partial(typed, self._session.config))
        except (HistoryError, ImportError) as error:
            found.append(drift_not_judged(str(error), policy))
        return replace(result, findings=[*result.findings, *found])

    def append(self, result: RunResult) -> str:
        """Append a session's result, if the session measured something, and return the reason if that fails."""
        try:
            from pytest_perfbudget.history.store import append  # noqa: PLC0415 - see above

            now = self._in_short(result)
            if now.points:
                append(self._file, [now], self._oldest_s(now), self._anchor, now_s=now.circumstances.at_s)
        except ImportError as error:
            return f"history {self._file}: this Python has no SQLite: {error}"
        except OSError as error:
            return f"history {self._file}: {error.strerror or error}"
        except HistoryError as error:
            return str(error)
        return ""

    @property
    def _typed_file(self) -> str:
        """The history as an argument of pytest where the session was started."""
        folder = self._session.config.invocation_params.dir
        is_below = self._file.is_relative_to(folder)
        return str(self._file.relative_to(folder) if is_below else self._file)

    def _in_short(self, result: RunResult) -> HistorySession:
        if self._now is None:
            self._now = history_session(result, self._circumstances(result))
        return self._now

    def _oldest_s(self, now: HistorySession) -> float:
        return now.circumstances.at_s - self._session.settings.history_days * _DAY_S

    def _circumstances(self, result: RunResult) -> Circumstances:
        from pytest_perfbudget.history.lock_file import lock_digest  # noqa: PLC0415 - for a history only

        root, code = self._session.config.rootpath, self._revision
        machine = this_machine()
        used = {one[0]: one[1] for one in self._session.tests.expectations.get("used", ())}
        return Circumstances(
            uuid.uuid4().hex,
            datetime.fromisoformat(result.session.started_at).timestamp(),
            code.commit,
            code.branch,
            code.is_dirty or full_commit(root) != code.commit,  # processes that began later ran other code
            code.folder,
            machine.key,
            f"{machine.cpu}, {machine.architecture}, {machine.system}",
            f"{result.session.implementation} {result.session.python}",
            lock_digest(root) or dependencies_text(used),
        )


def history_of(session: PerfSession) -> SessionHistory | None:
    """Return the history of a session, by the command line or else by the settings; None if there is none."""
    option: str | None = session.config.option.perf_history
    if option is not None:
        return SessionHistory(session, session.config.invocation_params.dir / option) if option else None
    named = session.settings.history
    return SessionHistory(session, session.config.rootpath / named) if named else None
