"""The words for the components of a change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from results import change, measurement

from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.spans.causes import Causes
from pytest_perfbudget.core.spans.changes import ComponentChange, SpanComparison
from pytest_perfbudget.report.components import change_lines, component_lines


def comparison(matches: int, half_ns: float | None) -> SpanComparison:
    def change(name: str, before_ns: float, after_ns: float) -> ComponentChange:
        if half_ns is None:
            return ComponentChange(name, before_ns, after_ns, None, None)
        middle = after_ns - before_ns
        return ComponentChange(name, before_ns, after_ns, middle - half_ns, middle + half_ns)

    parts = [change("security.jwt", 1e6, 3e6), change("query", 2e6, 2e6), change("", 5e5, 5e5)]
    return SpanComparison(change("", 3.5e6, 5.5e6), parts, matches, is_typical=True)


def test_a_single_pair_has_no_interval_and_names_no_component_as_moved() -> None:
    assert list(component_lines(comparison(1, None), "execution", "HEAD")) == [
        "Components since HEAD, by the spans of a typical execution:",
        "  one pair: no interval, so any difference may be chance (4 are needed)",
        "  security.jwt       1 ms -> 3 ms        +2 ms",
        "  query              2 ms -> 2 ms        +0 ns",
        "  outside all spans  500 us -> 500 us    +0 ns",
        "  whole execution    3.50 ms -> 5.50 ms  +2 ms",
    ]
    assert "  3 pairs: no interval" in list(component_lines(comparison(3, None), "execution"))[1]


def test_several_pairs_have_intervals() -> None:
    assert list(component_lines(comparison(8, 1e5), "execution", "HEAD")) == [
        "Components that moved since HEAD, by the spans of a typical execution:",
        "  security.jwt     1 ms -> 3 ms        +2 ms [+1.90 ms, +2.10 ms]",
        "  2 others         2.50 ms -> 2.50 ms  +0 ns                       may be chance",
        "  whole execution  3.50 ms -> 5.50 ms  +2 ms [+1.90 ms, +2.10 ms]",
    ]


@pytest.mark.parametrize(
    ("causes", "words"),
    [
        pytest.param(Causes(cpu_ns=2e6), "CPU", id="computing"),
        pytest.param(Causes(idle_ns=2e6), "I/O or sleep", id="sleeping"),
        pytest.param(Causes(threads_ns=2e6), "other threads computing", id="a lock"),
        pytest.param(Causes(processes_ns=2e6), "other processes computing", id="a child"),
        pytest.param(Causes(queue_ns=2e6), "no free CPU", id="a busy machine"),
        pytest.param(Causes(threads_ns=8e5, idle_ns=12e5), "waiting", id="several causes"),
        pytest.param(Causes(unknown_ns=2e6), "waiting", id="nobody looked"),
        pytest.param(Causes(cpu_ns=1e6, idle_ns=1e6), "CPU 50%, else I/O or sleep", id="computing and sleeping"),
        pytest.param(Causes(idle_ns=3e6, threads_ns=-1e6), "I/O or sleep", id="less of another cause"),
        pytest.param(None, "waiting", id="an older baseline"),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_change_has_the_cause_of_the_difference(causes: Causes | None, words: str, sign: int) -> None:
    changed = None if causes is None else Causes(*(sign * one for one in causes))
    cpu_ns = 0.0 if changed is None else changed.cpu_ns
    moved = ComponentChange("query", 5e6, 5e6 + sign * 2e6, 0.0, 0.0, cpu_ns=cpu_ns, causes=changed)
    moved = replace(moved, lower_ns=moved.difference_ns - 1e5, upper_ns=moved.difference_ns + 1e5)
    lines = list(component_lines(SpanComparison(replace(moved, name=""), [moved], 8), "execution", "HEAD"))
    assert lines[1].split("]", 1)[1].strip() == words
    assert ComponentChange.from_dict(moved.to_dict()) == moved


def test_a_change_names_its_components_by_the_kind_of_the_measurement() -> None:
    found = list(change_lines(measurement(kind=LOAD), change(components=comparison(8, 1e5))))
    assert found[0] == "Components that moved since the baseline, by the spans of a typical request:"
    assert found[-1].startswith("  whole request")


def test_a_change_whose_components_were_not_compared_says_nothing_of_them() -> None:
    assert list(change_lines(measurement(kind=LOAD), change())) == []


def test_components_of_many_times_the_judged_time_are_left_out_with_the_reason() -> None:
    """The spans of a warm-up are of other code than the judged time, and a busy machine lengthens spans."""
    judged = change(before=1e6, after=1.5e6, components=comparison(8, 1e5))
    assert list(change_lines(measurement(kind=LOAD), judged)) == [
        "Components are not told: the spans of each request take 5.50 ms in all, and the judged time is 1.50 ms: "
        "either the spans are also of other code, such as a warm-up or child processes, or the machine was busier while "
        "they were recorded, since a span has the waiting for a CPU, too"
    ]


def test_a_slow_tail_leaves_the_components_in_place() -> None:
    """The mean of all requests is somewhat more than that of a typical request."""
    judged = change(before=1.5e6, after=2e6, components=comparison(8, 1e5))
    assert next(change_lines(measurement(kind=LOAD), judged)).startswith("Components that moved")
    calls = change(metric="calls", unit="calls", before=10, after=20, components=comparison(8, 1e5))
    assert calls.fitting_components is not None
