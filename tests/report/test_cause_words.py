"""The wording of causes that several failing tests have in common, in each report."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from full_result import result_of
from html_session import session_of
from results import budget, change, measurement

from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.call_graph import CallGraph, CallGraphs
from pytest_perfbudget.core.measurement import Measurement, ProfileRow
from pytest_perfbudget.core.results import BudgetResult, Growth, RegressionResult, Repeat
from pytest_perfbudget.report import formats
from pytest_perfbudget.report.causes import CauseText, cause_lines, cause_texts
from pytest_perfbudget.report.findings import failure_text
from pytest_perfbudget.report.formats.saved_session import render_saved
from pytest_perfbudget.report.formats.terminal import Layout, render


def slow(gained_ns: float = 4e5) -> RegressionResult:
    return change(blamed=[Blame("app.db:query", Cause.OWN_CODE, gained_ns, 5e5)])


def several(*results: BudgetResult | RegressionResult) -> list[Measurement]:
    return [measurement(one, nodeid=f"a.py::test_{at}") for at, one in enumerate(results)]


def told(measurements: list[Measurement]) -> list[str]:
    result = result_of(*measurements)
    return list(cause_lines(cause_texts(result.measurements, result.findings), with_all=False, unicode=True))


def test_a_cause_has_the_number_of_tests_and_the_range_of_their_losses() -> None:
    assert told(several(slow(4e5), slow(6e5), slow(5e5), slow(4e5))) == [
        "What several failures have in common:",
        "  4 tests fail by app.db:query",
        "    takes longer in its own lines: +162 us to +203 us in each execution, by the shares of the profiles",
        "    a.py::test_0, a.py::test_1, a.py::test_2 and 1 more",
    ]


@pytest.mark.parametrize("gained_ns", [4e5, 9e9])
def test_no_part_of_a_slowdown_is_larger_than_the_measured_slowdown(gained_ns: float) -> None:
    """A profile inflates times: here the profiled slowdown is 500 us, and the measured slowdown 100 us."""
    slower = replace(slow(gained_ns), before=1e6, after=1.1e6)
    (line,) = [one for one in told(several(slower, slower)) if "in its own lines" in one]
    assert f"+{'80' if gained_ns < 5e5 else '100'} us in each execution" in line


def test_each_way_in_which_tests_show_a_cause_has_a_line() -> None:
    found = [*several(slow(), slow()), measurement(budget(), nodeid="a.py::test_2", profile=[ProfileRow("app.db:query", 1, 0.61)], statistics={"median": 5.5e7})]  # fmt: skip
    assert told(found)[1:4] == [
        "  2 tests fail by app.db:query; 1 more that fails spends most of its time there",
        "    2 of them: takes longer in its own lines: +162 us in each execution, by the shares of the profiles",
        "    1 of them: takes 61% of the time, in a profiled call: where to look first",
    ]


def test_a_changed_function_that_profiles_do_not_show_is_likely_and_has_no_part() -> None:
    """A call that hands its work to a thread waits in the same code; the function of the thread was changed."""
    waits = Blame("app.api:ask", Cause.SLOWER_LIBRARY, 4e5, 5e5, "queue:Queue.get", 1, 1, is_unchanged=True)
    awaited = change(blamed=[waits, Blame("app.db:query", Cause.OTHER_CODE, 0.0, 0.0, is_changed=True)])
    assert told(several(slow(), awaited, slow()))[1:4] == [
        "  2 tests fail by app.db:query; 1 more most likely",
        "    2 of them: takes longer in its own lines: +162 us in each execution, by the shares of the profiles",
        "    1 of them: was changed; the profiles of these tests do not show its part",
    ]


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        ([(0, 600), (0, 1000)], "now calls json.dumps: +203 us in each execution, by the shares of the profiles"),
        (
            [(1, 600), (1, 1000)],
            "calls json.dumps more often: +203 us in each execution, by the shares of the profiles",
        ),
        ([(0, 600), (1, 1000)], "takes longer: +203 us in each execution, by the shares of the profiles"),
    ],
)
def test_a_way_that_differs_in_the_numbers_of_calls_is_told_without_them(
    ways: list[tuple[float, float]], words: str
) -> None:
    slower = [
        change(blamed=[Blame("app.db:query", Cause.MORE_CALLS, 5e5, 5e5, "json.dumps", before, after)])
        for before, after in ways
    ]
    assert told(several(*slower))[2] == f"    {words}"


def test_a_profile_of_one_side_says_where_the_time_goes_and_names_no_cause() -> None:
    found = [
        measurement(budget(), nodeid=f"a.py::test_{at}", profile=[ProfileRow("app.db:query", 1, share)], statistics={"median": 5.5e7})
        for at, share in enumerate((0.61, 0.55))
    ]  # fmt: skip
    assert told(found)[1:3] == [
        "  2 tests that fail spend most of their time in app.db:query",
        "    takes 55% to 61% of the time, in a profiled call: where to look first",
    ]


def test_tests_are_counted_and_not_their_measurements() -> None:
    both = [measurement(slow(), nodeid="a.py::test_0", name=name) for name in ("one", "two")]
    more = change(metric="calls", unit="calls", grown=[Growth("app.db:ask", 1, 40, "app.db:query")])
    assert told([*both, measurement(more, nodeid="a.py::test_1")])[1:4] == [
        "  2 tests fail by app.db:query (3 measurements)",
        "    1 of them: takes longer in its own lines: +162 us in each execution, by the shares of the profiles",
        "    1 of them: calls app.db:ask more often than on the other side",
    ]


def test_functions_of_one_name_in_two_files_are_told_apart_by_their_files() -> None:
    found = [
        replace(one, call_graphs=CallGraphs(CallGraph(files={"app.db:query": f"{'ab'[at // 2]}/app/db.py"})))
        for at, one in enumerate(several(*[slow()] * 4))
    ]
    assert [line for line in told(found) if "fail by" in line] == [
        "  2 tests fail by app.db:query in a/app/db.py",
        "  2 tests fail by app.db:query in b/app/db.py",
    ]
    alike = [replace(one, call_graphs=found[0].call_graphs) for one in found]
    assert "  4 tests fail by app.db:query" in told(alike)


def test_additional_calls_name_the_function_that_is_called() -> None:
    more = change(metric="calls", unit="calls", grown=[Growth("built-in method time.sleep", 1, 40, "app.api:page")])
    assert told(several(more, more))[1:3] == [
        "  2 tests fail by app.api:page",
        "    calls time.sleep more often than on the other side",
    ]


def test_a_query_has_the_line_that_asks_it() -> None:
    repeats = [
        budget(metric="count", unit="spans", span="db", repeats=[Repeat("SELECT 1", count, "app/db.py:7")])
        for count in (12, 40)
    ]
    assert told(several(*repeats))[1:3] == [
        "  2 tests fail by the query SELECT 1",
        "    the same line asks it 12 to 40 times in an execution, at app/db.py:7",
    ]


def test_a_name_breaks_no_line() -> None:
    named = [change(blamed=[Blame("app:a\nb", Cause.OWN_CODE, 4e5, 5e5)]) for _ in range(2)]
    assert told(several(*named))[1] == "  2 tests fail by app:a\\nb"


def test_nothing_is_told_without_a_common_cause() -> None:
    assert told(several(slow(), change())) == []


def test_markdown_tells_causes_before_the_failures() -> None:
    text = formats.render(result_of(*several(slow(), slow())), "md")
    assert text.index("### What several failures have in common") < text.index("- `2 tests fail by app.db:query`")
    assert text.index("`a.py::test_0`, `a.py::test_1`") < text.index("### Failures")


def test_html_tells_causes_and_remedies_before_the_cards() -> None:
    text = formats.render(session_of(several(*[slow()] * 12)), "html")
    places = [text.index(part) for part in ('<h2 id="failures-title"', "12 tests fail by app.db:query", "What to do", "<article")]  # fmt: skip
    assert places == sorted(places)
    assert "<summary>9 more</summary>" in text


def test_html_names_no_more_tests_of_a_cause_than_a_reader_reads() -> None:
    text = formats.render(session_of(several(*[slow()] * 250)), "html")
    assert "<summary>247 more</summary>" in text
    assert "<li>and 50 more</li>" in text


def test_html_says_how_many_causes_the_failures_below_tell() -> None:
    def failing(causes: int) -> str:
        blamed = [change(blamed=[Blame(f"app:f{at // 2}", Cause.OWN_CODE, 4e5, 5e5)]) for at in range(2 * causes)]
        return formats.render(session_of(several(*blamed)), "html")

    assert "3 further causes are told by the failures below." in failing(23)
    assert "further causes" not in failing(20)


def test_html_shows_short_remedies_and_folds_long_ones() -> None:
    few = formats.render(session_of(several(budget())), "html")
    assert '<details class="remedies" open>' in few
    nodeids = [f"tests/{'a_folder_with_a_name/' * 9}test_module_{at}.py::test_a_case" for at in range(5)]
    many = [measurement(change(), nodeid=one) for one in nodeids]
    many.append(measurement(budget(), nodeid="tests/test_other.py::test_slow"))
    text = formats.render(session_of(many), "html")
    assert '<details class="remedies"><summary><h3>What to do: 2 remedies</h3>' in text


def test_the_terminal_tells_causes_below_the_table_and_all_tests_if_verbose() -> None:
    result = result_of(*several(slow(), slow(), slow(), slow()))
    lines = render(result, Layout(width=100)).splitlines()
    assert "  4 tests fail by app.db:query" in lines
    verbose = render(result, Layout(width=100, verbosity=1)).splitlines()
    assert [f"    a.py::test_{at}" for at in range(4)] == [line for line in verbose if line.startswith("    a.py")]


def test_a_gate_that_only_warns_tells_causes_too() -> None:
    warned = session_of(several(slow(), slow()), "warn")
    for text in (formats.render(warned, "md"), formats.render(warned, "html"), render(warned, Layout())):
        assert "2 tests would fail by app.db:query" in text
        assert "tests fail by" not in text


def test_a_saved_session_sends_no_escapes_to_the_terminal() -> None:
    """Anybody may have written the file."""
    result = result_of(measurement(budget(source="\x1b[31ma place")))
    spoilt = [replace(one, headline=f"{one.headline}\x1b[2J", remedy="\x1b]0;title\x07") for one in result.findings]
    saved = replace(result, findings=spoilt)
    assert "\x1b" not in render_saved(saved, Layout(unicode=False))
    text = render_saved(saved, Layout(color=True, unicode=False))
    assert set(re.findall(r"\x1b[^m]*m", text)) == {f"\x1b[{one}m" for one in ("0", "1", "1;31", "31", "33")}
    assert "\x1b" not in re.sub(r"\x1b\[[0-9;]+m", "", text)
    assert "\\x1b[2J" in text
    assert "\\x1b[31ma place" in text
    assert len(text.splitlines()) > 5  # lines stay lines


def test_a_single_test_keeps_its_whole_text() -> None:
    result = result_of(*several(slow(), slow()))
    for one in result.findings:
        assert "app.db:query takes longer in its own lines: +400 us of +500 us" in failure_text([one])


@pytest.mark.parametrize(("unicode", "name"), [(True, "lärm"), (False, "l\\xe4rm")])
def test_each_line_is_one_line_that_the_terminal_can_show(*, unicode: bool, name: str) -> None:
    cause = CauseText("2 tests fail by app:lärm", ["takes \x1b[31mlonger"], ["a.py::test one\nfake: ok", "b.py::test"])
    assert list(cause_lines([cause], with_all=True, unicode=unicode))[1:] == [
        f"  2 tests fail by app:{name}",
        "    takes \\x1b[31mlonger",
        "    a.py::test one\\nfake: ok",
        "    b.py::test",
    ]
