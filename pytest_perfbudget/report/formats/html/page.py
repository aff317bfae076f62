"""The page: the static part from templates, and the data and the script that add the details."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from pytest_perfbudget.core.finding import Finding, Severity
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult, budget_tally
from pytest_perfbudget.errors import ReportError
from pytest_perfbudget.report.causes import TITLE, cause_texts
from pytest_perfbudget.report.closing import (
    HEALTH_WORDS,
    MAXIMUM_MARK,
    budgets_text,
    changes_text,
    fresh_text,
    maximum_text,
    others_text,
)
from pytest_perfbudget.report.findings import (
    by_severity,
    evidence_parts,
    explained_kinds,
    kind_words,
    note_groups,
    without_repetition,
)
from pytest_perfbudget.report.formats.html.charts import change_ticks
from pytest_perfbudget.report.formats.html.columns import to_column
from pytest_perfbudget.report.formats.html.components import component_rows
from pytest_perfbudget.report.formats.html.entry import entry
from pytest_perfbudget.report.formats.html.facts import place_facts, setting_facts
from pytest_perfbudget.report.formats.html.links import anchor_of, link_to, search_for, well_formed
from pytest_perfbudget.report.formats.html.payload import packed
from pytest_perfbudget.report.formats.html.statuses import STATUSES, agreeing, status_words
from pytest_perfbudget.report.formats.speedscope import profiled
from pytest_perfbudget.report.formats.table_rows import Urgency, assess
from pytest_perfbudget.report.numbers import counted
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.remedies import remedies_of
from pytest_perfbudget.report.session_verdict import verdict_on
from pytest_perfbudget.report.updates import update_lines

if TYPE_CHECKING:
    from jinja2 import Environment

MISSING: Final = "an HTML report needs jinja2: pip install 'pytest-perfbudget[html]'"

_TEMPLATES: Final = "templates"
_STYLES: Final = ("page", "details", "charts", "widths")
"""The parts of the style, of which a later part may overrule an earlier part."""

_SCRIPTS: Final = ("payload", "address", "elements", "charts", "flame", "details", "forest", "tests", "start")
"""The parts of the script, each of which uses only the parts before it."""

_MOST_TOLD: Final = 100
"""The most measurements whose failures the static part tells with their evidence; it names all others."""

_LONG_FACT: Final = 60
"""The most characters of a fact about the session that stands beside others; a longer text has a row of its own."""

_MOST_CAUSES: Final = 20
"""The most causes of several failures that the static part tells, those of the most tests."""

_FIRST_OF_CAUSE: Final = 3
_MOST_OF_CAUSE: Final = 200
"""The measurements of a cause that stand open, and the most that are named at all."""

_SHORT_REMEDIES: Final = 1_000
"""The most characters of remedies that stand open above the failures; a phone folds them whatever their length."""

_MOST_NOTES: Final = 50
"""The most warnings, and the most notes, that the static part tells; each stands in the details of its test as well."""

_MOST_LINKED: Final = 10
"""The most measurements that a note names."""


def render(result: RunResult, name: str = "") -> str:
    """Return the report as one HTML file.

    Args:
        result: the result of a session.
        name: the name of the file, which the names of the files beside it begin with.

    Raises:
        ReportError: jinja2 is not installed.
    """
    template = _environment().get_template("page.html.jinja")
    style, script = _style(), _script()
    text = template.render(
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        **_context(result, name),
    )
    return well_formed(text)


def _context(result: RunResult, name: str) -> dict[str, Any]:
    session = result.session
    policy = Policy(GateMode(session.gate), session.strict, session.warn_at)
    by_id = _by_id(result.findings)
    found = [agreeing(one, by_id.get(one.measurement.id, ())) for one in assess(result.measurements, policy)]
    failures, others = _split(result)
    causes = cause_texts(result.measurements, failures)
    remedies = remedies_of(failures)
    shares = Counter(one.urgency for one in found)
    files = {one.id for one in profiled(result.measurements)}
    entries = [
        entry(one, by_id.get(one.measurement.id, ()), name if one.measurement.id in files else None) for one in found
    ]
    return {
        "verdict": verdict_on(result),
        "counts": _counts(result),
        "status_words": status_words(session.gate),
        "shares": [(STATUSES[one], shares[one]) for one in Urgency if shares[one]],
        "total": len(found),
        "place": place_facts(result),
        "settings": setting_facts(session),
        "failures": _groups(failures)[:_MOST_TOLD],
        "further_failures": _groups(failures)[_MOST_TOLD:],
        "causes": causes[:_MOST_CAUSES],
        "further_causes": max(len(causes) - _MOST_CAUSES, 0),
        "causes_title": TITLE,
        "first_of_cause": _FIRST_OF_CAUSE,
        "most_of_cause": _MOST_OF_CAUSE,
        "remedies": remedies,
        "are_remedies_short": sum(len(one.text) for one in remedies) <= _SHORT_REMEDIES,
        "explained": explained_kinds(failures),
        "warnings": note_groups(by_severity(others, Severity.FAILURE, Severity.WARNING)),
        "notes": note_groups(by_severity(others, Severity.NOTE)),
        "refuted": kind_words(RegressionVerdict.UNCHANGED.value),
        "session_notes": _session_notes(result),
        "most_notes": _MOST_NOTES,
        "long_fact": _LONG_FACT,
        "most_linked": _MOST_LINKED,
        "components": component_rows(found, result.health),
        "health_words": HEALTH_WORDS,
        "fresh_words": fresh_text(),
        "maximum_words": maximum_text() if any(one.get("p95", "").endswith(MAXIMUM_MARK) for one in entries) else "",
        "has_changes": any(one.changes for one in result.measurements),
        "update": [] if result.update is None else list(update_lines(result.update)),
        "payload": packed({"entries": to_column(entries), "change_ticks": change_ticks()}),
    }


def _split(result: RunResult) -> tuple[list[Finding], list[Finding]]:
    """Return the findings that fail tests, or would if the gate did not only warn, and all others."""
    is_warning = result.session.gate == GateMode.WARN.value
    failures = [one for one in result.findings if one.is_failure or (is_warning and one.is_gated)]
    told = {id(one) for one in failures}
    return failures, [one for one in result.findings if id(one) not in told]


def _groups(failures: Iterable[Finding]) -> list[tuple[str, Sequence[Finding]]]:
    """Return the failures by measurement."""
    groups: dict[str, list[Finding]] = {}
    for one in without_repetition(failures):
        groups.setdefault(one.id, []).append(one)
    return list(groups.items())


def _by_id(findings: Iterable[Finding]) -> Mapping[str, Sequence[Finding]]:
    groups: dict[str, list[Finding]] = {}
    for one in findings:
        groups.setdefault(one.id, []).append(one)
    return groups


def _counts(result: RunResult) -> list[str]:
    measured = [one for one in result.measurements if not one.unmeasured]
    found = [budgets_text(budget_tally(result.measurements), len(measured))] if result.measurements else []
    if result.compared_with is not None:
        found.append(changes_text(result, result.compared_with.against))
    return found


def _session_notes(result: RunResult) -> list[str]:
    compared = result.compared_with
    remarks = [] if compared is None or not compared.remark else [compared.remark]
    others = [] if compared is None or not compared.others else [others_text(len(compared.others))]
    return [*remarks, *result.session.notes, *others]


@cache
def _environment() -> Environment:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - the package of an extra
        from markupsafe import Markup  # noqa: PLC0415 - a dependency of jinja2
    except ModuleNotFoundError:
        raise ReportError(MISSING) from None

    def shown(value: object) -> object:
        """Return a value as a reader can see it: a name may hold line breaks, or turn the direction of the text."""
        if isinstance(value, Markup) or not isinstance(value, str):
            return value
        return printable(value, unicode=True)

    made = Environment(
        loader=PackageLoader(__package__, _TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "anchor": anchor_of,
        "link": link_to,
        "search": search_for,
        "words": kind_words,
        "parts": evidence_parts,
        "counted": counted,
    }
    made.globals["status_of"] = STATUSES.__getitem__
    return made


@cache
def _text(name: str) -> str:
    return files(__package__).joinpath(_TEMPLATES, name).read_text("utf-8")


@cache
def _style() -> str:
    return "".join(_text(f"{name}.css") for name in _STYLES)


@cache
def _script() -> str:
    """Return the whole script in a scope of its own."""
    parts = "\n".join(_text(f"{name}.js") for name in _SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


def _hash(text: str) -> str:
    """Return the source expression by which a content security policy allows exactly this text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
