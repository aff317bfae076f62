"""Records as columns: alike values stand beside each other, and then compress to about two thirds of the size.

A column is a dict of one of three forms:

    {"values": [...]}                     the values themselves
    {"lengths": [...], "lists": column}   lists of records: the length of each list, and all records
    {"count": n, "fields": {name: column}, "runs": {name: [...]}}
        records; the runs of a field that not all records have are the numbers of neighbouring records with it, without
        it, with it, and so on
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby
from typing import Any

Column = dict[str, Any]


def to_column(values: Sequence[Any]) -> Column:
    """Return values that JSON can hold as a column."""
    if values and all(isinstance(one, dict) for one in values):
        return _of_records(values)
    if any(values) and all(isinstance(one, list) and all(isinstance(item, dict) for item in one) for one in values):
        return {"lengths": [len(one) for one in values], "lists": to_column(list(chain.from_iterable(values)))}
    return {"values": list(values)}


def _of_records(records: Sequence[dict[str, Any]]) -> Column:
    names = dict.fromkeys(chain.from_iterable(records))
    fields = {name: to_column([one[name] for one in records if name in one]) for name in names}
    runs = {name: _runs([name in one for one in records]) for name in names}
    return {
        "count": len(records),
        "fields": fields,
        "runs": {name: runs[name] for name in names if len(runs[name]) > 1},
    }


def _runs(present: Sequence[bool]) -> list[int]:
    found = [len(list(group)) for _, group in groupby(present)]
    return found if present[0] else [0, *found]


def from_column(column: Column) -> list[Any]:
    """Return the values of a column."""
    if "values" in column:
        return list(column["values"])
    if "lists" in column:
        items = iter(from_column(column["lists"]))
        return [[next(items) for _ in range(length)] for length in column["lengths"]]
    records: list[dict[str, Any]] = [{} for _ in range(column["count"])]
    for name, field in column["fields"].items():
        values, rest = iter(from_column(field)), iter(records)
        for at, length in enumerate(column["runs"].get(name, [column["count"]])):
            for _ in range(length):
                record = next(rest)
                if at % 2 == 0:
                    record[name] = next(values)
    return records
