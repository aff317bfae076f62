"""The table at the end of a session. `PERFBUDGET_GOLDEN=write pytest tests/report` writes the golden files anew."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from example_session import (
    CALM,
    EXCEEDED,
    MB,
    MS,
    NOTED,
    PRESSING,
    SESSION,
    UNDECIDED,
    UNMEASURED,
    US,
    WITHIN,
    budget,
    change,
    measurement,
    unchanged,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pytest_perfbudget.core.counts import CountPair, compare_counts
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import PEAK
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.results import BudgetResult, RegressionResult, RegressionVerdict
from pytest_perfbudget.report.closing import unsure_text
from pytest_perfbudget.report.formats.table import render_table

GOLDEN = Path(__file__).parent / "golden"


def drawn(
    *measurements: Measurement,
    width: int = 120,
    color: bool = False,
    unicode: bool = True,
    verbosity: int = 0,
    strict: bool = False,
) -> list[str]:
    """Return the lines of the table; the heading and the rule below it are the first two."""
    text = render_table(
        measurements, width=width, color=color, unicode=unicode, policy=Policy(strict=strict), verbosity=verbosity
    )
    return text.splitlines()


def words(*measurements: Measurement, strict: bool = False) -> list[list[str]]:
    """Return the words of each row, and of what stands below the table."""
    return [line.split() for line in drawn(*measurements, strict=strict)[2:]]


def named(number: int | str) -> str:
    return f"tests/test_it.py::test_{number}"


@pytest.mark.parametrize(("before", "told"), [(12_000, True), (200_000, False)])
def test_a_count_that_may_differ_by_a_number_says_so(before: int, told: bool) -> None:
    """The memory may grow by 16.4 kB, however large the share is: it is unchanged, whatever its ratio says."""
    grown = compare_counts(PEAK, [CountPair(before, before + 8_000)], 0.05)
    assert grown.verdict is RegressionVerdict.UNCHANGED
    (line,) = drawn(measurement(named(1), grown))[2:3]
    assert line.startswith("unchanged ")
    assert ("(within 16.4 kB)" in line) is told


class TestGoldenFiles:
    @pytest.mark.parametrize("style", ["plain", "ascii", "color"])
    @pytest.mark.parametrize("width", [80, 120, 200])
    def test_a_session(self, width: int, style: str) -> None:
        text = render_table(
            SESSION, width=width, color=style == "color", unicode=style != "ascii", policy=Policy(), verbosity=0
        )
        self.check(f"table_{width}_{style}", text)
        assert ("\033" in text) is (style == "color")
        assert text.isascii() is (style == "ascii")

    @pytest.mark.parametrize(("name", "verbosity"), [("quiet", -1), ("verbose", 1)])
    def test_less_and_more_of_it(self, name: str, verbosity: int) -> None:
        text = render_table(SESSION, width=100, color=False, unicode=True, policy=Policy(), verbosity=verbosity)
        self.check(f"table_{name}", text)

    @staticmethod
    def check(name: str, text: str) -> None:
        file = GOLDEN / f"{name}.txt"
        if os.environ.get("PERFBUDGET_GOLDEN") == "write":
            file.write_text(text, "utf-8")
        assert text == file.read_text("utf-8")


class TestOneRowPerMeasurement:
    def test_it_has_the_verdict_the_name_the_most_used_budget_the_quantiles_and_the_change(self) -> None:
        one = measurement(
            named(1), budget("p95", 12 * MS, 50 * MS), budget("peak", 80 * MB, 500 * MB), unchanged(), name="parse"
        )
        assert drawn(one) == [
            "verdict  test          metric  measured  limit  used               p50    p95  time +/-",
            "───────────────────────────────────────────────────────────────────────────────────────",
            "within   test_1 parse  p95        12 ms  50 ms  ██░░░░░░░░   24%  9 ms  12 ms    +0.3 %",
            "1 further limit, within, at most 16 % used: peak",
        ]

    def test_columns_without_contents_are_left_out(self) -> None:
        assert drawn(measurement(named(1), budget("peak", 300 * MB, 500 * MB), statistics={}))[0].split() == [
            "verdict", "test", "metric", "measured", "limit", "used",
        ]  # fmt: skip
        with_component = measurement(named(2), budget("p95", 1 * MS, 50 * MS), component="api")
        assert "component" in drawn(measurement(named(1)), with_component)[0]

    def test_budgets_that_need_no_attention_share_a_line(self) -> None:
        far = [
            measurement(named(n), budget("p95", 12 * MS, 50 * MS), budget("peak", 1 * MB, 500 * MB)) for n in range(6)
        ]
        called = measurement(named(6), budget("p95", 12 * MS, 50 * MS), budget("calls", 2, 30))
        assert drawn(*far, called)[-1] == "7 further limits, all under 10 % used: peak, calls"

    def test_a_lonely_budget_has_its_row_however_little_is_used(self) -> None:
        assert words(measurement(named(1), budget("peak", 1 * MB, 500 * MB)))[0][:3] == ["within", "test_1", "peak"]

    def test_without_a_budget_the_verdict_is_that_of_the_change(self) -> None:
        assert words(measurement(named(1)), measurement(named(2), unchanged())) == [
            ["no", "budget", "test_1", "2.55", "ms", "3.40", "ms"],
            ["unchanged", "test_2", "2.55", "ms", "3.40", "ms", "+0.3", "%"],
        ]

    def test_a_measurement_without_a_budget_has_a_number_where_there_is_no_room_for_quantiles(self) -> None:
        long = measurement(named("reads_the_whole_library"), budget("p95", 1 * MS, 50 * MS))
        narrow = drawn(long, measurement(named(2)), width=60)
        assert "p50" not in narrow[0]
        assert narrow[3].split() == ["no", "budget", "test_2", "median", "2.55", "ms"]

    def test_a_mean_stands_in_for_quantiles_and_is_marked(self) -> None:
        fast = measurement(named(1), budget("mean", 90, 1 * US), iterations=400, statistics={"mean": 90.0})
        lines = drawn(fast, measurement(named(2), budget("p95", 1 * MS, 50 * MS)))
        assert lines[2].endswith("~90 ns")
        assert lines[-1] == "~ is a mean: several calls were timed together"


class TestVerdicts:
    def test_the_most_pressing_one_counts_be_it_of_a_budget_or_of_a_change(self) -> None:
        calm, near = budget("p95", 1 * MS, 50 * MS), budget("p95", 45 * MS, 50 * MS)
        slower = change(1.3, RegressionVerdict.REGRESSED)
        assert [words(measurement(named(1), *said))[0][0] for said in [(calm, slower), (near, slower)]] == [
            "regressed",
            "regressed",
        ]
        assert drawn(measurement(named(1), near, unchanged()))[2].startswith("near limit ")

    @pytest.mark.parametrize(
        ("verdict", "ratio", "shown"),
        [
            (RegressionVerdict.REGRESSED, 1.3, "+30 % ▲"),
            (RegressionVerdict.IMPROVED, 0.5, "-50 % ▼"),
            (RegressionVerdict.UNDECIDED, 1.03, "+3.0 % ?"),
            (RegressionVerdict.UNCONFIRMED, 1.01, "+1.0 % ?"),
            (RegressionVerdict.UNCHANGED, 1.01, "+1.0 %"),
        ],
    )
    def test_a_change_has_a_mark(self, verdict: RegressionVerdict, ratio: float, shown: str) -> None:
        one = measurement(named(1), budget("p95", 1 * MS, 50 * MS), change(ratio, verdict))
        assert drawn(one)[2].endswith(f"  {shown}")
        assert drawn(one, unicode=False)[2].endswith(shown.rstrip(" ▲▼"))

    def test_a_count_says_what_has_changed(self) -> None:
        one = measurement(
            named(1), budget("p95", 1 * MS, 50 * MS), unchanged(), change(3.2, RegressionVerdict.REGRESSED, "calls")
        )
        assert drawn(one)[2].split()[2:4] == ["calls", "384"]
        assert drawn(one)[2].endswith("  3.2x ▲")

    def test_a_change_of_time_beside_a_budget_on_memory_is_said_to_be_of_time(self) -> None:
        lines = drawn(measurement(named(1), budget("rss", 12 * MS, 50 * MS), unchanged(), statistics={}))
        assert (lines[0].split("  ")[-1], lines[2].split("  ")[-1]) == ("time +/-", "+0.3 %")

    def test_a_count_without_a_budget_names_itself(self) -> None:
        one = measurement(named(1), change(0.8, RegressionVerdict.IMPROVED, "calls"))
        assert drawn(one)[2].endswith("  calls -20 % ▼")

    def test_a_budget_that_holds_is_not_shown_beside_a_change_that_fails(self) -> None:
        one = measurement(named(1), budget("p95", 1 * MS, 50 * MS), change(1.2, RegressionVerdict.REGRESSED))
        lines = drawn(one)
        assert "p95" not in lines[2]
        assert lines[3] == "1 further limit, under 10 % used: p95"

    @pytest.mark.parametrize(
        "verdict", [RegressionVerdict.NEW, RegressionVerdict.FOREIGN, RegressionVerdict.UNMEASURED]
    )
    def test_what_is_not_compared_has_no_change(self, verdict: RegressionVerdict) -> None:
        one = measurement(named(1), budget("p95", 1 * MS, 50 * MS), change(None, verdict, reason="why"))
        assert words(one)[0][0] == verdict.value
        assert "time +/-" not in drawn(one)[0]

    def test_a_number_of_calls_is_exact_and_never_near_its_limit(self) -> None:
        assert words(measurement(named(1), budget("calls", 30, 30)))[0][0] == "within"


class TestFurtherRows:
    def test_whatever_else_is_pressing_has_a_row_of_its_own(self) -> None:
        one = measurement(
            named(1),
            budget("p50", 5 * MS, 50 * MS),
            budget("p95", 45 * MS, 50 * MS),
            budget("p99", None, 50 * MS, UNMEASURED),
            budget("max", 48 * MS, 50 * MS, UNDECIDED),
            budget("peak", 612 * MB, 500 * MB, EXCEEDED),
            change(1.3, RegressionVerdict.REGRESSED),
            change(3.2, RegressionVerdict.REGRESSED, "calls"),
        )
        assert [line.replace("median ", "p50 ").split()[:4] for line in drawn(one)[2:]] == [
            ["exceeded", "test_1", "peak", "612"],
            ["regressed", "└", "time", "2.13"],
            ["regressed", "└", "calls", "384"],
            ["undecided", "└", "max", "48"],
            ["unmeasured", "└", "p99", "-"],
            ["near", "limit", "└", "p95"],
            ["1", "further", "limit,", "within,"],
        ]

    def test_calm_budgets_have_none(self) -> None:
        one = measurement(named(1), budget("p95", 61 * MS, 50 * MS, EXCEEDED), budget("peak", 300 * MB, 500 * MB))
        assert [row[0] for row in words(one)] == ["exceeded", "1"]


class TestOrder:
    def test_failures_come_first_then_warnings_then_notes_and_the_most_used_first_in_each(self) -> None:
        assert [row[0] for row in words(*CALM[:4], *reversed([*PRESSING, *NOTED]))] == [
            "exceeded", "exceeded", "exceeded", "regressed", "regressed", "regressed",
            "undecided", "near", "undecided", "unmeasured",
            "improved", "new",
            "within", "within", "unchanged", "no", "*", "?", "6",
        ]  # fmt: skip

    def test_with_strict_what_is_not_judged_is_a_failure(self) -> None:
        new = measurement(named("new"), budget("p95", 1 * MS, 50 * MS), change(None, RegressionVerdict.NEW))
        near = measurement(named("near"), budget("p95", 45 * MS, 50 * MS))
        assert [row[0] for row in words(near, new)] == ["near", "new"]
        assert [row[0] for row in words(near, new, strict=True)][:2] == ["new", "near"]

    @pytest.mark.parametrize(
        ("verdict", "runs", "is_explained"),
        [
            (RegressionVerdict.UNDECIDED, 0, True),
            (RegressionVerdict.UNCONFIRMED, 10, True),
            (RegressionVerdict.UNCHANGED, 0, False),
        ],
    )
    def test_a_question_mark_is_explained(self, verdict: RegressionVerdict, runs: int, is_explained: bool) -> None:
        lines = drawn(measurement(named(1), budget("p95", 1 * MS, 50 * MS), replace(change(1.02, verdict), runs=runs)))
        assert (unsure_text() in lines) is is_explained

    def test_a_screening_that_leaves_a_small_change_open_is_no_warning(self) -> None:
        """An interval that reaches beyond what is allowed is usual, and no test looks slower."""
        screened = change(1.02, RegressionVerdict.UNDECIDED)
        one = measurement(named(1), budget("p95", 1 * MS, 50 * MS), screened)
        assert words(one)[0][0] == "within"
        assert words(measurement(named(1), screened))[0][0] == "unsuspicious"
        looked_faster = measurement(named(1), replace(screened, runs=1))
        assert words(looked_faster)[0][0] == "unsuspicious"
        slower = change(1.08, RegressionVerdict.UNDECIDED)
        suspect = measurement(named(1), budget("p95", 1 * MS, 50 * MS), replace(slower, runs=10))
        assert words(suspect)[0][0] == "undecided"


class TestLength:
    MANY = tuple(measurement(named(n), budget("p95", n / 4 * MS, 50 * MS)) for n in range(60))

    def test_forty_rows_are_shown_and_a_line_says_what_is_not(self) -> None:
        new = [measurement(named(f"new_{n}"), change(None, RegressionVerdict.NEW)) for n in range(3)]
        lines = drawn(*self.MANY, *new, *PRESSING)
        assert len(lines) == 2 + 40 + 4
        assert lines[-2] == "33 more measurements: 33 within; -v shows all"
        assert "test_59 " in lines[2 + 10 + 3]

    def test_all_failures_and_warnings_are_shown_however_many_they_are(self) -> None:
        red = [measurement(named(f"red_{n}"), budget("p95", 60 * MS, 50 * MS, EXCEEDED)) for n in range(60)]
        lines = drawn(*self.MANY, *red)
        assert sum("exceeded" in line for line in lines) == 60
        assert lines[-1] == "60 more measurements: 60 within; -v shows all"

    def test_thousands_of_new_ones_are_not(self) -> None:
        """A baseline of another machine makes every test `foreign`: a note says so for all of them."""
        foreign = [replace(one, changes=[change(None, RegressionVerdict.FOREIGN)]) for one in self.MANY]
        assert drawn(*foreign)[-1] == "20 more measurements: 20 foreign; -v shows all"

    def test_quiet_shows_nothing_else(self) -> None:
        lines = drawn(*SESSION, verbosity=-1)
        assert len(lines) == 2 + 10 + 3
        assert lines[-1].startswith("46 more measurements: 1 improved, 1 new, 42 within, 1 unchanged, 1 no budget;")
        assert drawn(*self.MANY, verbosity=-1) == ["60 more measurements: 60 within; -v shows all"]

    def test_verbose_shows_all_with_whole_names(self) -> None:
        lines = drawn(*SESSION, verbosity=1)
        assert not any("more measurement" in line or "…" in line for line in lines)
        assert sum(line.startswith(("within", "unchanged", "no budget")) for line in lines) == len(CALM)
        assert all(len(line) <= 120 for line in lines)


class TestWidth:
    @pytest.mark.parametrize(
        ("width", "heading"),
        [
            (160, "verdict component test metric measured limit used p50 p95 time +/-"),
            (120, "verdict component test metric measured limit used time +/-"),
            (80, "verdict test metric measured limit used time +/-"),
            (60, "verdict test metric used time +/-"),
        ],
    )
    def test_less_room_means_fewer_columns(self, width: int, heading: str) -> None:
        assert drawn(*SESSION, width=width)[0].split() == heading.split()

    def test_the_bar_shrinks_before_a_component_goes(self) -> None:
        one = measurement(
            named("lists_the_tasks_of_an_agent"), budget("p95", 25 * MS, 50 * MS), unchanged(), component="storage"
        )
        bars = [drawn(one, width=width)[2].count("█") for width in (110, 95, 88)]
        assert bars == [5, 2, 0]
        assert all("storage" in drawn(one, width=width)[2] for width in (110, 95, 88))

    def test_one_long_name_does_not_move_the_numbers_away_from_all_others(self) -> None:
        lines = drawn(*SESSION, width=300)
        assert len(lines[0]) <= 170
        assert any("TestTaskRepository::test_lists…thousands_of_them[by status]" in line for line in lines)

    def test_brackets_in_a_name_are_no_markup(self) -> None:
        odd = measurement(named("it[bold red]"), budget("p95", 1 * MS, 50 * MS))
        assert "test_it[bold red]" in drawn(odd, color=True)[2]

    def test_a_name_with_a_line_break_takes_one_line(self) -> None:
        odd = measurement(named("it"), budget("p95", 1 * MS, 50 * MS), name="two\nlines", component="a\tb")
        assert len(drawn(odd)) == 3


BUDGETS = st.builds(
    lambda metric, share, limit, verdict: budget(metric, share * limit, limit, verdict),
    st.sampled_from(["p95", "cpu_median", "peak", "calls"]),
    st.floats(0, 1e4),
    st.floats(1, 1e10),
    st.sampled_from([WITHIN, EXCEEDED, UNDECIDED, UNMEASURED]),
)
CHANGES = st.builds(
    change,
    st.one_of(st.none(), st.floats(1e-4, 1e4)),
    st.sampled_from(RegressionVerdict),
    st.sampled_from(["time", "calls", "peak"]),
)
NAMES = st.text(max_size=120)


@st.composite
def sessions(draw: st.DrawFn) -> list[Measurement]:
    """Draw measurements of tests whose names begin with A, B, and so on, with whatever behind that."""
    found = []
    for letter in "ABCDEF"[: draw(st.integers(1, 6))]:
        said: list[BudgetResult | RegressionResult] = [*draw(st.lists(BUDGETS, max_size=3))]
        said += draw(st.lists(CHANGES, max_size=3))
        nodeid = f"tests/test_it.py::{letter}{draw(NAMES)}"
        found.append(measurement(nodeid, *said, name=draw(NAMES), component=draw(NAMES)))
    return found


@given(sessions(), st.integers(60, 240), st.booleans(), st.integers(-1, 1))
@settings(max_examples=60)
def test_no_line_is_wider_than_the_terminal(
    found: list[Measurement], width: int, unicode: bool, verbosity: int
) -> None:
    lines = drawn(*found, width=width, unicode=unicode, verbosity=verbosity)
    assert max(map(cell_len, lines)) <= width


@given(sessions(), st.integers(60, 240), st.integers(-1, 1))
@settings(max_examples=60)
def test_every_failing_measurement_is_named_with_its_verdict(
    found: list[Measurement], width: int, verbosity: int
) -> None:
    lines = drawn(*[replace(one, component="") for one in found], width=width, verbosity=verbosity)
    place = lines[0].find("test")
    shown = {(line[:place].strip(), line[place : place + 1]) for line in lines}
    for letter, one in zip("ABCDEF", found, strict=False):
        said = {*(given.verdict.value for given in one.budgets), *(given.verdict.value for given in one.changes)}
        failing = said & {"exceeded", "regressed", "wrong_code"}
        assert not failing or any((verdict, letter) in shown for verdict in failing)
