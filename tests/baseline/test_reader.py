from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.baseline.machine import Machine
from pytest_perfbudget.baseline.reader import parse
from pytest_perfbudget.baseline.schema import Baseline, Key, Line, render
from pytest_perfbudget.core.calm_quantiles import SHARES, CalmQuantiles
from pytest_perfbudget.core.reference import Reference, uncorrected
from pytest_perfbudget.core.spans.causes import Causes
from pytest_perfbudget.core.spans.reference import SpanMean, SpanReference
from pytest_perfbudget.errors import BaselineError

MACHINE = Machine("AMD EPYC 7763", "x86_64", "Linux", "CPython 3.11")
TIME = Reference(1_843_200.0, 0.01234, 10, 40, 8.5, 0.0312, 0.0456, (0.412, 0.3, 0.351), (36712.0, 24533.0, 38521.0))
KEY = Key("tests/test_api.py::test_login", "", MACHINE.key)
LINE = Line(KEY, TIME, {"calls": 1234, "peak": 45678}, "3f2a91c", "2026-11-20", "argon2 instead of bcrypt")


def baseline(*lines: Line) -> Baseline:
    return Baseline({MACHINE.key: MACHINE}, {line.key: line for line in lines})


def text(**changes: Any) -> str:
    """A file of one line with some of its keys changed; None removes one."""
    document = json.loads(render(baseline(LINE)))
    line = document["measurements"][0]
    for key, value in changes.items():
        where = line["time"] if key in line["time"] else line
        if value is None:
            where.pop(key)
        else:
            where[key] = value
    return as_file(document)


def as_file(document: dict[str, Any]) -> str:
    lines = ",\n".join(json.dumps(line) for line in document["measurements"])
    return f'{{"schema": {json.dumps(document["schema"])}, "machines": {json.dumps(document["machines"])}, "measurements": [\n{lines}\n]}}\n'


def refusal(content: str) -> str:
    with pytest.raises(BaselineError) as raised:
        parse(content, "perf-baseline.json")
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_what_is_written_is_read() -> None:
    assert parse(render(baseline(LINE)), "f") == baseline(LINE)


def test_a_measurement_is_one_line_that_fits_a_screen_and_says_where_it_is_from() -> None:
    written = render(baseline(LINE, replace(LINE, key=replace_key(LINE, name="parse")))).splitlines()
    (line, _) = (row for row in written if "test_login" in row)
    assert len(line) <= 400
    assert '"commit": "3f2a91c", "date": "2026-11-20", "reason": "argon2 instead of bcrypt"' in line


def replace_key(line: Line, **changes: str) -> Key:
    return line.key._replace(**changes)


def test_lines_are_sorted_so_that_git_can_merge_them() -> None:
    lines = [replace(LINE, key=replace_key(LINE, test=f"tests/{name}.py::t")) for name in "cab"]
    written = [row for row in render(baseline(*lines)).splitlines() if "::t" in row]
    assert written == sorted(written)


def test_machines_that_no_line_uses_are_not_kept() -> None:
    assert MACHINE.key not in render(Baseline({MACHINE.key: MACHINE}, {}))


NODE_IDS = st.text(min_size=1, max_size=60).map(lambda name: f"tests/test_ä b.py::Test[{name}]::{name}")


@given(NODE_IDS, st.text(max_size=20), st.floats(0.001, 1e15), st.integers(0, 10**12), st.text(max_size=30))
def test_any_node_id_name_and_reason_survive(test: str, name: str, time_ns: float, calls: int, reason: str) -> None:
    line = Line(
        Key(test, name, MACHINE.key), replace(TIME, time_ns=time_ns), {"calls": calls}, "c", "2026-11-20", reason
    )
    content = render(baseline(line))
    content.encode("utf-8", "surrogatepass")
    (found,) = parse(content, "f").lines.values()
    assert found.key == line.key
    assert found.reason == reason
    assert found.time is not None
    assert found.time.time_ns == pytest.approx(time_ns, rel=1e-4)
    assert render(parse(content, "f")) == content


TEXTS = st.text(max_size=20)
MEANS = st.builds(SpanMean, st.floats(0, 1e12), st.floats(0, 1e12), st.floats(0, 1e6), st.none() | st.floats(0, 1e12))


@given(st.integers(2, 1000), MEANS, st.dictionaries(TEXTS, MEANS, min_size=1, max_size=14))
def test_the_spans_of_a_line_survive_in_few_characters(runs: int, total: SpanMean, parts: dict[str, SpanMean]) -> None:
    content = render(baseline(replace(LINE, spans=SpanReference(runs, total, parts))))
    (found,) = parse(content, "f").lines.values()
    assert found.spans is not None
    assert (found.spans.runs, found.spans.parts.keys()) == (runs, parts.keys())
    assert found.spans.total.self_ns == pytest.approx(total.self_ns, rel=1e-3)
    assert render(parse(content, "f")) == content


@pytest.mark.parametrize("idle_ns", [2e5, 5e4])
def test_a_component_that_waits_has_the_causes_of_its_waiting_in_the_baseline(idle_ns: float) -> None:
    """Waiting of less than a tenth needs no place in the file."""
    mean = SpanMean(1e6, 1e3, 1.0, 1e6 - idle_ns, Causes(cpu_ns=1e6 - idle_ns, idle_ns=idle_ns))
    (found,) = parse(render(baseline(replace(LINE, spans=SpanReference(4, mean, {"query": mean})))), "f").lines.values()
    assert found.spans is not None
    kept = mean if idle_ns == 2e5 else replace(mean, causes=None)
    assert (found.spans.total, found.spans.parts) == (kept, {"query": kept})


@pytest.mark.parametrize(
    "spans",
    [
        {"runs": 4, "total": [1, 1, 1, 1], "names": {"a": [1, 1, 1, 1, 7]}},
        {"runs": 4, "total": [1, 1, 1, 1], "names": {"a": [1, 1, 1, 1, [1, 2]]}},
        {"runs": 4, "total": [1, 1, 1, 1], "names": {"a": [1, 1, 1, None, [0, 0, 0, 1, 0]]}},
        {"runs": 4, "total": [1, 1, 1, 1], "names": {"a": [1, 1, 1, 1, [0, 0, 0, -1, 0]]}},
        7, {}, {"runs": 1, "total": [1, 1, 1, 1], "names": {"a": [1, 1, 1, 1]}},
        {"runs": 4, "total": [1, 1, 1, 1], "names": {}}, {"runs": 4, "total": [1, 1, 1, 1], "names": {"a": [1, 1, -1, 1]}},
        {"runs": 4, "total": [1, 1, None, 1], "names": {"a": [1, 1, 1, 1]}},
    ],
)  # fmt: skip
def test_spans_that_are_none_are_refused_in_one_line(spans: Any) -> None:
    wanted = "spans of tests/test_api.py::test_login must be an object with runs, total, and names, found "
    assert wanted in refusal(text(spans=spans))


@given(st.integers(20, 10**5), st.lists(st.floats(0, 9e10), min_size=len(SHARES), max_size=len(SHARES)).map(sorted))
def test_the_quantiles_of_a_line_survive_in_at_most_200_bytes(rounds: int, times_ns: list[float]) -> None:
    content = render(baseline(replace(LINE, quantiles=CalmQuantiles(rounds, tuple(times_ns)))))
    (found,) = parse(content, "f").lines.values()
    assert found.quantiles is not None
    assert found.quantiles.rounds == rounds
    assert found.quantiles.times_ns == pytest.approx(times_ns, rel=1e-3)
    assert render(parse(content, "f")) == content
    assert len(content.encode()) - len(render(baseline(LINE)).encode()) <= 200


def test_a_line_of_an_older_version_has_no_quantiles() -> None:
    (found,) = parse(render(baseline(LINE)), "f").lines.values()
    assert found.quantiles is None


@pytest.mark.parametrize(
    "quantiles",
    [
        7, {}, {"rounds": 40, "ns": []}, {"rounds": 19, "ns": [1] * 12}, {"rounds": 40.5, "ns": [1] * 12},
        {"rounds": 40, "ns": [1] * 11}, {"rounds": 40, "ns": [2, 1] * 6}, {"rounds": 40, "ns": [-1] * 12},
        {"rounds": 40, "ns": [None] * 12}, {"rounds": 40, "ns": ["1"] * 12}, {"rounds": 40, "ns": [True] * 12},
    ],
)  # fmt: skip
def test_quantiles_that_are_none_are_refused_in_one_line(quantiles: Any) -> None:
    wanted = "quantiles of tests/test_api.py::test_login must be an object with rounds, and with ns: 12 numbers in "
    assert wanted in refusal(text(quantiles=quantiles))


def test_an_imported_time_is_marked_as_uncorrected() -> None:
    imported = Line(KEY, uncorrected(5e6, 0.15))
    content = render(baseline(imported))
    assert '"time": {"time_ns": 5000000, "spread": 0.15}' in content
    (found,) = parse(content, "f").lines.values()
    assert not found.is_corrected
    assert LINE.is_corrected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "perf-baseline.json:1: is empty: restore it from git"),
        (text()[:-40], "perf-baseline.json:2: is cut off: restore it from git"),
        ("[1]", "perf-baseline.json: is no baseline: the key schema is missing: restore the file from git, or delete it and make one with pytest --perf-update-baseline"),
        ("{}", "perf-baseline.json: is no baseline: the key schema is missing: restore the file from git, or delete it and make one with pytest --perf-update-baseline"),
        ("hello", "perf-baseline.json:1: is no JSON: Expecting value at column 1: restore it from git"),
        (
            "{\n<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> b\n}",
            "perf-baseline.json:2: holds an unresolved merge: delete the markers, and of each line one version",
        ),
        ("[" * 100_000, "perf-baseline.json: is no baseline: the JSON is nested too deeply"),
        (
            text().replace("perfbudget-baseline/1", "perfbudget-baseline/2"),
            "perf-baseline.json:1: is of schema perfbudget-baseline/2, this version reads up to 1: upgrade pytest-perfbudget",
        ),
        (
            text().replace("perfbudget-baseline/1", "other"),
            "perf-baseline.json:1: schema must be perfbudget-baseline/1, found 'other'",
        ),
        (text(time_ns=float("nan")), "perf-baseline.json:2: holds NaN, which is no measurement: measure again with --perf-update-baseline"),
        (
            text(time_ns=-5),
            "perf-baseline.json:2: time_ns of tests/test_api.py::test_login must be a number above zero, found -5: restore it from git, or delete the line and measure again",
        ),
        (text(runs=1), "perf-baseline.json:2: runs of tests/test_api.py::test_login must be a whole number from 2, found 1: restore it from git, or delete the line and measure again"),
        (text(calls="many"), "perf-baseline.json:2: calls of tests/test_api.py::test_login must be a whole number, found 'many': restore it from git, or delete the line and measure again"),
        (text(calls=True), "perf-baseline.json:2: calls of tests/test_api.py::test_login must be a whole number, found True: restore it from git, or delete the line and measure again"),
        (text(weights=[1, 2]), "perf-baseline.json:2: weights of tests/test_api.py::test_login must be 3 numbers from 0 to 3, found [1, 2]: restore it from git, or delete the line and measure again"),
        (text(spread=1e9), "perf-baseline.json:2: spread of tests/test_api.py::test_login must be a number from 0 to 3, found 1000000000.0: restore it from git, or delete the line and measure again"),
        (text(spread=None), "perf-baseline.json:2: time of tests/test_api.py::test_login lacks 'spread': restore it from git, or delete the line and measure again"),
        (text(cals=5), "perf-baseline.json:2: unknown key 'cals' (did you mean 'calls'?)"),
        (
            text(widgets=5),
            "perf-baseline.json:2: unknown key 'widgets': if this is a metric of your own, register it in the "
            "conftest.py of the root folder",
        ),
        (text(machine="unheard"), "perf-baseline.json:2: a measurement has the machine 'unheard', which is not listed: restore it from git"),
        (text(test=None), "perf-baseline.json:2: a measurement has no test: restore it from git"),
        (text().replace('"calls"', '"peak"'), "perf-baseline.json:2: has the key 'peak' twice: keep one"),
        (text().replace('"cpu": "AMD EPYC 7763", ', ""), f"perf-baseline.json:1: machine {MACHINE.key} lacks 'cpu': restore it from git"),
    ],
)  # fmt: skip
def test_bad_content_gets_one_line_with_the_place_and_the_remedy(content: str, message: str) -> None:
    assert refusal(content) == message


def test_a_measurement_that_is_there_twice_is_refused() -> None:
    document = json.loads(text())
    document["measurements"] *= 2
    assert refusal(as_file(document)) == (
        "perf-baseline.json:3: tests/test_api.py::test_login is there twice for the same machine: delete one line"
    )


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["schema", "machines", "measurements", "test", "time"]), inner, max_size=4), max_leaves=8))  # fmt: skip
def test_whatever_json_there_is_it_is_read_or_refused(document: Any) -> None:
    if isinstance(document, dict):
        document["schema"] = "perfbudget-baseline/1"
    with contextlib.suppress(BaselineError):
        parse(json.dumps(document), "f")


def test_a_line_says_whether_its_time_was_taken_on_one_cpu() -> None:
    (found,) = parse(render(baseline(replace(LINE, one_cpu=True))), "f").lines.values()
    assert found.one_cpu
    assert '"one_cpu"' not in render(baseline(LINE))
    assert "one_cpu of tests/test_api.py::test_login must be true or false, found 1" in refusal(text(one_cpu=1))
