"""The part of an entry about spans: the tree that shows where the time goes."""

from __future__ import annotations

from typing import Any, Final

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.spans.names import covers
from pytest_perfbudget.report.numbers import quantity
from pytest_perfbudget.report.spans import closing_texts, tree_heading, tree_rows, whole_of

_MOST_ROWS: Final = 40


def span_entry(measurement: Measurement) -> dict[str, Any] | None:
    """Return the part about spans; None without spans."""
    facts = measurement.spans
    if facts is None or not (rows := tree_rows(facts, most=_MOST_ROWS)):
        return None
    limited = {one.span for one in measurement.budgets if one.span}
    noun = whole_of(measurement)
    return {
        "heading": tree_heading(facts, noun),
        "columns": ["span", f"of the {noun}", "without the spans in it", "time", ""],
        "rows": [
            {
                "depth": row.depth,
                "name": row.name,
                "note": row.note,
                "own": round(row.own, 4),
                "all": round(row.own if row.all is None else row.all, 4),
                "own_text": f"{row.own:.0%}",
                "all_text": "" if row.all is None else f"{row.all:.0%}",
                "time": quantity((row.own if row.all is None else row.all) * facts.mean_ns, "ns"),
                "is_sum": row.all is None,
                "is_limited": row.all is not None and any(covers(one, row.name) for one in limited),
            }
            for row in rows
        ],
        "closing": " ".join(closing_texts(facts, noun)),
    }
