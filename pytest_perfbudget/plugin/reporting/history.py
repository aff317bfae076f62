"""The history of a session: the result is appended to the file that the configuration names."""

from __future__ import annotations

import uuid
from datetime import datetime
from pathlib import Path
from typing import Final

from pytest_perfbudget.baseline.commit import current_branch, folder_in_repository, full_commit, is_dirty
from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.core.history.session import Circumstances, history_session
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.errors import HistoryError
from pytest_perfbudget.plugin.session import PerfSession

_DAY_S: Final = 86_400


def append_to_history(session: PerfSession, result: RunResult) -> str:
    """Append a session's result to the history, if there is a history and the session measured something.

    Returns:
        The reason why the result could not be appended; empty if it was, or if there is nothing to append.
    """
    file = _file(session)
    if file is None:
        return ""
    root = session.config.rootpath
    at_s = datetime.fromisoformat(result.session.started_at).timestamp()
    machine = this_machine()
    # Imported here: sessions without a history need no SQLite, and some builds of Python have none.
    try:
        from pytest_perfbudget.history.dependencies import dependencies_digest  # noqa: PLC0415
        from pytest_perfbudget.history.store import append  # noqa: PLC0415

        circumstances = Circumstances(
            uuid.uuid4().hex,
            at_s,
            full_commit(root),
            current_branch(root),
            is_dirty(root),
            folder_in_repository(root),
            machine.key,
            f"{machine.cpu}, {machine.architecture}, {machine.system}",
            f"{result.session.implementation} {result.session.python}",
            dependencies_digest(root),
        )
        found = history_session(result, circumstances)
        if found.points:
            append(file, [found], at_s - session.settings.history_days * _DAY_S)
    except ImportError as error:
        return f"history {file}: this Python has no SQLite: {error}"
    except OSError as error:
        return f"history {file}: {error.strerror or error}"
    except HistoryError as error:
        return str(error)
    return ""


def _file(session: PerfSession) -> Path | None:
    """Return the file of the history, by the command line or else by the settings; None if there is no history."""
    option: str | None = session.config.option.perf_history
    if option is not None:
        return session.config.invocation_params.dir / option if option else None
    named = session.settings.history
    return session.config.rootpath / named if named else None
