"""Profiles in speedscope's file format, for https://www.speedscope.app and other viewers: one file for each side.

The format has opening and closing events of frames. A profile shows the tree that the flame graph of the HTML report
shows, with the functions of a caller from the costliest to the cheapest, not in the order of time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from pytest_perfbudget.core.call_graph import CallGraph
from pytest_perfbudget.core.call_tree import CallNode, tree_of
from pytest_perfbudget.core.measurement import Measurement

_SCHEMA: Final = "https://www.speedscope.app/file-format-schema.json"
_SUFFIX: Final = ".speedscope.json"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._]+")
_MOST_OF_NAME: Final = 80
_MOST_OF_REPORT: Final = 40
_DIGITS: Final = 8

MOST: Final = 100
"""The most measurements that have files: after a change that slows every test, some of them tell enough."""


def profiled(measurements: Iterable[Measurement]) -> list[Measurement]:
    """Return the measurements that have files: the first `MOST` with a profile, which failed tests have."""
    return [one for one in measurements if one.call_graphs is not None][:MOST]


def profiles(measurement: Measurement, report: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each file of a measurement: the base's profile, if it is known, and the head's.

    Args:
        measurement: the measurement.
        report: the name of the report beside which the files are.
    """
    graphs = measurement.call_graphs
    if graphs is None:
        return
    for side, graph in (("base", graphs.base), ("head", graphs.head)):
        if graph is not None:
            yield file_name(report, measurement.id, side), render(graph, f"{measurement.id}, {side}")


def file_name(report: str, identity: str, side: str) -> str:
    """Return the name of a file: letters of the report's name and of the measurement's id, and a digest of both.

    Two reports in a folder may have the same test, and other names may have these letters, too.

    Args:
        report: the name of the report beside which the file is.
        identity: the id of the measurement.
        side: `base` or `head`.
    """
    whole = f"{report}\0{identity}".encode("utf-8", "surrogatepass")
    stem = _readable(report.removesuffix(".html"))[:_MOST_OF_REPORT].strip("-.")
    readable = _readable(identity)[-_MOST_OF_NAME:].strip("-.")
    digest = hashlib.sha256(whole).hexdigest()[:_DIGITS]
    return f"{'-'.join(filter(None, [stem, readable, digest]))}.{side}{_SUFFIX}"


def _readable(name: str) -> str:
    return _UNSAFE.sub("-", name).strip("-.")


def render(graph: CallGraph, name: str) -> str:
    """Return the profile of a call as JSON, in whole ns."""
    frames: dict[str, int] = {}
    events: list[dict[str, Any]] = []
    end = _add(tree_of(graph), 0.0, frames, events)
    profile = {"type": "evented", "name": name, "unit": "nanoseconds", "startValue": 0, "endValue": round(end)}
    data = {
        "$schema": _SCHEMA,
        "name": name,
        "exporter": "pytest-perfbudget",
        "activeProfileIndex": 0,
        "shared": {"frames": [{"name": function} for function in frames]},
        "profiles": [{**profile, "events": events}],
    }
    return json.dumps(data, separators=(",", ":"), allow_nan=False) + "\n"


def _add(nodes: Sequence[CallNode], start: float, frames: dict[str, int], events: list[dict[str, Any]]) -> float:
    """Add the events of functions that follow each other, and return the end of the last."""
    for node in nodes:
        frame = frames.setdefault(node.function, len(frames))
        end = start + node.time_ns
        events.append({"type": "O", "frame": frame, "at": round(start)})
        _add(node.children, start, frames, events)
        events.append({"type": "C", "frame": frame, "at": round(end)})
        start = end
    return start
