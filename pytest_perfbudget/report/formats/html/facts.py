"""The circumstances of a session, as pairs of a label and a text."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_perfbudget.core.readiness import readiness_of
from pytest_perfbudget.core.run_result import RunResult, SessionFacts
from pytest_perfbudget.report.closing import score_text
from pytest_perfbudget.report.numbers import counted, quantity
from pytest_perfbudget.report.readiness import readiness_text

_SHORT_COMMIT = 10


def place_facts(result: RunResult) -> list[tuple[str, str]]:
    """Return the facts that tell a reader which session this is."""
    session, health, readiness = result.session, result.health, readiness_of(result)
    found = {
        "readiness": readiness_text(readiness) if readiness is not None else "",
        "health": score_text(health) if health is not None else "",
        "commit": _commit(session),
        "compared with": result.compared_with.against if result.compared_with is not None else "",
        "machine": session.machine,
        "started": session.started_at.replace("T", " "),
        "duration": quantity(session.duration_s * 1e9, "ns") if session.duration_s else "",
    }
    return [(label, text) for label, text in found.items() if text]


def setting_facts(session: SessionFacts) -> list[tuple[str, str]]:
    """Return the settings of a session and the versions of its software."""
    return [(label, text) for label, text in _settings(session) if text]


def _commit(session: SessionFacts) -> str:
    if not session.commit:
        return ""
    branch = f" on {session.branch}" if session.branch else ""
    return f"{session.commit[:_SHORT_COMMIT]}{branch}{', with uncommitted changes' if session.is_dirty else ''}"


def _settings(session: SessionFacts) -> Iterator[tuple[str, str]]:
    yield "gate", f"{session.gate}{', strict' if session.strict else ''}"
    yield "alpha", f"{100 * session.alpha:g} %, the probability of a false exceeded or regressed"
    yield "confidence", f"{100 * session.confidence:g} % for within"
    yield "max_time", f"{quantity(session.max_time_ns, 'ns')} for each measurement"
    yield "warn_at", f"{100 * session.warn_at:g} % of a limit"
    python = f"{session.implementation} {session.python}".strip()
    versions = [python, *(f"{name} {version}" for name, version in session.versions.items())]
    yield "software", ", ".join(filter(None, versions))
    yield "CPUs", "" if session.cpus is None else f"{session.cpus}"
    yield "workers", counted(session.workers, "process", "es") if session.workers else ""
    yield "machine profile", session.machine_key
    yield "exit status", f"{session.exit_status}"
