"""What failure texts and notes say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from results import MS, budget, change, measurement
from texts import failure, findings, notes

from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.finding import Missing
from pytest_perfbudget.core.kinds import BENCHMARK, BODY, CALL, LOAD, TIMER, MeasurementKind
from pytest_perfbudget.core.load.error_groups import ErrorGroup
from pytest_perfbudget.core.measurement import ProfileRow
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, Growth, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.versions import VersionChange
from pytest_perfbudget.report.findings import failure_text, worded

CAPACITY = budget(
    verdict=BudgetVerdict.UNDECIDED, metric="capacity", keyword="min_capacity_rps", unit="rps", limit=150,
    direction=Direction.HIGHER, needs_rounds=None,
)  # fmt: skip


class TestBudgets:
    def test_a_failure_says_the_number_how_sure_the_limit_and_its_place_and_the_remedy(self) -> None:
        assert failure(measurement(budget())) == [
            "p95 61.3 ms exceeds its budget of 50 ms (123%)",
            "  p95 lies above 58.2 ms (99 % sure); 72 rounds in 4.40 s",
            "  limit p95_ms=50 from perf_budget marker of a.py::test",
            "Make the code cheaper, or raise the limit at the place that the failure names if the cost is intended.",
        ]

    @pytest.mark.parametrize(("own", "is_told"), [(55 * MS, False), (40 * MS, True)])
    def test_a_failure_on_a_busy_machine_has_the_time_without_the_waits(self, own: float, is_told: bool) -> None:
        text = failure(measurement(budget(), without_waits={"p95": own}))
        assert ("  40 ms without the time in which other processes held the CPU" in text) is is_told
        of_span = failure(measurement(budget(span="db.query"), without_waits={"p95": own}))
        assert not any("other processes" in line for line in of_span)

    def test_a_failure_on_a_busy_machine_begins_with_the_time_that_is_the_codes(self) -> None:
        """A median of 68 ms beside a budget of 8 ms is mostly the time of others."""
        text = failure(measurement(budget(estimate=90 * MS, lower=51 * MS), without_waits={"p95": 52 * MS}))
        assert text[0] == "p95 52 ms exceeds its budget of 50 ms (104%)"
        assert "  90 ms with the time in which other processes held the CPU: the machine was busy" in text

    def test_a_time_without_waits_that_lies_below_the_median_has_a_median_without_waits(self) -> None:
        statistics, own = {"median": 45 * MS, "p95": 61.3 * MS}, {"median": 6 * MS, "p95": 40 * MS}
        text = failure(measurement(budget(), statistics=statistics, without_waits=own))
        assert "  40 ms without the time in which other processes held the CPU (median 6 ms)" in text

    def test_a_failure_just_beyond_its_limit_shows_that_it_is(self) -> None:
        text = failure(measurement(budget(estimate=50.004 * MS, lower=50.001 * MS)))
        assert text[0] == "p95 50.004 ms exceeds its budget of 50 ms (100.01%)"
        assert text[1].startswith("  p95 lies above 50.001 ms (99 % sure)")

    def test_a_failure_says_that_the_numbers_are_corrected(self) -> None:
        text = failure(measurement(budget(reason="the generator was late")))
        assert text[2] == "  the generator was late"

    def test_the_last_line_names_the_guide(self) -> None:
        text = failure_text([one for one in findings(measurement(budget(), change())) if one.is_failure])
        assert text.splitlines()[-1] == "What this means: perfbudget guide exceeded, perfbudget guide regressed"

    def test_a_lower_limit_is_worded_the_other_way_round(self) -> None:
        slow = budget(
            metric="rps", keyword="min_rps", unit="rps", limit=100, direction=Direction.HIGHER,
            estimate=80, lower=75, upper=85,
        )  # fmt: skip
        assert failure(measurement(slow)) == [
            "rps 80 rps falls short of its budget of 100 rps (80% of it)",
            "  rps lies below 85 rps (99 % sure); 72 rounds in 4.40 s",
            "  limit min_rps=100 from perf_budget marker of a.py::test",
            "Make the code or the service faster, or lower the limit at the place that the failure names if less is enough.",
        ]

    def test_a_rate_of_success_is_worded_by_the_errors_that_are_allowed(self) -> None:
        found = budget(
            metric="success_rate", keyword="min_success_rate", unit="%", limit=98, direction=Direction.HIGHER,
            estimate=90.1, lower=89, upper=91,
        )  # fmt: skip
        assert failure(measurement(found))[0] == (
            "success_rate 90.1 % falls short of its budget of 98 % (4.95x the allowed errors)"
        )
        assert failure(measurement(replace(found, estimate=97.9)))[0].endswith("98 % (105% of the allowed errors)")
        none_allowed = measurement(
            replace(found, limit=100, estimate=90), errors=[ErrorGroup("ValueError", "no", 0, 1, count=3)]
        )
        assert failure(none_allowed)[0] == "7 requests of 72 failed, and no error is allowed"

    def test_a_capacity_that_falls_short_has_the_interval_and_the_number_of_probes(self) -> None:
        found = replace(CAPACITY, verdict=BudgetVerdict.EXCEEDED, limit=150, estimate=70, lower=68, upper=72, rounds=9)
        assert failure(measurement(found, kind=LOAD)) == [
            "capacity 70 rps falls short of its budget of 150 rps (47% of it)",
            "  68 rps were kept and 72 rps were not; 9 probes in 4.40 s",
            "  limit min_capacity_rps=150 from perf_budget marker of a.py::test",
            "Make the code or the service faster, or lower the limit at the place that the failure names if less is enough.",
        ]

    @pytest.mark.parametrize(
        ("lower", "upper", "rounds", "text"),
        [
            (80, None, 3, "every rate up to 80 rps was kept (3 probes in 4.40 s): raise duration=, or first_rate="),
            (0, 800, 1, "no rate was kept, and the lowest was 800 rps (1 probe in 4.40 s): raise duration=, or lower"),
            (140, 160, 6, "140 rps were kept and 160 rps were not (6 probes in 4.40 s): the limit lies between: move"),
            (0, None, 0, "no rate was probed to its end (0 probes in 4.40 s): raise duration=, or first_rate="),
        ],
    )
    def test_an_undecided_capacity_says_how_far_the_search_came(
        self, lower: float, upper: float | None, rounds: int, text: str
    ) -> None:
        found = replace(CAPACITY, lower=lower, upper=upper, rounds=rounds)
        (note,) = notes(measurement(found, kind=LOAD))
        assert f"capacity: {text}" in note
        (note,) = notes(measurement(replace(found, reason="the service was still busy"), kind=LOAD))
        assert note.endswith("in 4.40 s): the service was still busy")

    def test_a_failure_of_time_shows_where_the_time_of_a_call_went(self) -> None:
        profile = [ProfileRow("verify (security/tokens.py:88)", 41, 0.91), ProfileRow("_json.loads", 1, 0.05)]
        assert failure(measurement(budget(), name="login", profile=profile))[-4:-1] == [
            "  Where the time goes, in one profiled call of login, without the functions that each calls:",
            "     91%  41 calls of verify (security/tokens.py:88)",
            "      5%  1 call of _json.loads",
        ]
        memory = budget(metric="peak", unit="bytes", keyword="peak_mb")
        assert "Where the time goes" not in "\n".join(failure(measurement(memory, profile=profile)))

    def test_numbers_that_were_not_judged_fail_only_if_strict(self) -> None:
        mixed = measurement(
            budget(BudgetVerdict.WITHIN),
            budget(BudgetVerdict.UNDECIDED),
            budget(BudgetVerdict.UNMEASURED, reason="because"),
        )
        assert failure(mixed) == []
        strict = failure(mixed, strict=True)
        assert strict[0].startswith("undecided: p95: too close to call")
        assert "unmeasured: p95: because" in strict
        assert strict[-1] == "A budget that is not judged fails because of --perf-strict (or strict = true)."

    @pytest.mark.parametrize(
        ("changed", "kind", "text"),
        [
            (
                {"rounds": 2, "upper": None, "estimate": 9 * MS},
                BODY,
                "p95 needs 59 rounds, had 2; that takes at least 3.61 s: raise max_time, or budget median_ms or max_ms",
            ),
            (
                {"rounds": 2, "keyword": "cpu_p95_s", "metric": "cpu_p95", "estimate": 9 * MS},
                CALL,
                "cpu_p95 needs 59 rounds, had 2; that takes at least 3.61 s: raise max_time, "
                "or budget cpu_median_s or cpu_max_s",
            ),
            ({"rounds": 1}, TIMER, "p95 needs 59 rounds, had 1, and the estimate lies above the limit: loop the timer"),
            (
                {"rounds": 5, "estimate": 9 * MS},
                BENCHMARK,
                "p95 needs 59 rounds, had 5: raise pytest-benchmark's min_rounds or max_time",
            ),
            (
                {"rounds": 900},
                BODY,
                "p95: too close to call, the estimate lies above the limit: move the limit away, or raise max_time",
            ),
            (
                {"rounds": 900, "estimate": 150 * MS},
                BODY,
                "p95: 900 rounds are too few to be sure that the limit is exceeded: raise max_time",
            ),
            (
                {"rounds": 20_000},
                BODY,
                "p95: too close to call, the estimate lies above the limit: move the limit away",
            ),
            (
                {"rounds": 900, "estimate": 49 * MS},
                BODY,
                "p95: too close to call, the estimate lies below the limit: move the limit away, or raise max_time",
            ),
            (
                {"rounds": 900, "without_waits": 4 * MS},
                BODY,
                "p95: undecided only because other processes held the CPU: run the test again, or on a calmer machine",
            ),
        ],
    )
    def test_an_undecided_budget_says_what_would_decide_it(
        self, changed: dict[str, object], kind: MeasurementKind, text: str
    ) -> None:
        undecided = measurement(budget(BudgetVerdict.UNDECIDED, **changed), kind=kind, nodeid="a.py::test")
        assert notes(undecided) == [f"undecided: a.py::test: {text}"]

    def test_a_strict_session_has_the_time_without_the_waits_for_a_cpu(self) -> None:
        busy = measurement(budget(BudgetVerdict.UNDECIDED, without_waits=4 * MS))
        assert "  p95 without the time in which the rounds waited for a CPU: 4 ms" in failure(busy, strict=True)

    def test_notes_name_a_budget_near_its_limit_but_no_count_that_is_exact(self) -> None:
        near = budget(BudgetVerdict.WITHIN, estimate=45 * MS)
        calls = budget(BudgetVerdict.WITHIN, metric="calls", keyword="max_calls", unit="calls", limit=3, estimate=3)
        calm = budget(BudgetVerdict.WITHIN, estimate=5 * MS)
        refused = budget(BudgetVerdict.UNMEASURED, reason="because")
        one = measurement(near, calls, calm, refused, nodeid="a.py::test", name="parse", warnings=["traced"])
        assert notes(one) == [
            "near its limit: a.py::test parse: p95 uses 90% of 50 ms",
            "unmeasured: a.py::test parse: p95: because",
            "note: a.py::test parse: traced",
        ]


SLOWER = change(
    weather=1.38, grown=[Growth("hive.tokens:verify", 1, 41), Growth("jwt:decode", None, 41, "hive.tokens:verify")]
)


class TestRegressions:
    def test_a_failure_says_by_how_much_how_sure_since_when_whose_limit_and_the_remedy(self) -> None:
        assert failure(measurement(SLOWER)) == [
            "12.4 % slower than the baseline (95 % interval +9.8 % .. +15.1 %)",
            "  1.84 ms, baseline 1.64 ms (commit 3f2a91c, 2026-11-20); 5 fresh processes",
            "    head  ████████████████████████",
            "    base  █████████████████████░░░",
            "  unchanged code would look so slow once in 120,000 times (alpha, shared by the tests: once in 2,400 times)",
            "  the machine ran 38 % slower than for the baseline; these numbers are corrected for that",
            "  limit 5 % from the default",
            "  Called more often:",
            "    1 -> 41 calls of hive.tokens:verify",
            "    few -> 41 calls of jwt:decode, by hive.tokens:verify",
            "  What would help, by the numbers above and the profiles:",
            "    Call the function once for all, outside of the loop: hive.tokens:verify, up to 11% of the time",
            "Make the code faster, or accept it: pytest --perf-update-baseline --perf-reason '...' tests/test_api.py::test_login",
        ]

    def test_against_a_commit_a_failure_says_which_and_names_no_baseline(self) -> None:
        text = "\n".join(failure(measurement(change(against="origin/main", in_pairs=True, date=""))))
        assert text.startswith("12.4 % slower than origin/main")
        assert "1.84 ms, base 1.64 ms (origin/main, commit 3f2a91c); 5 fresh pairs of processes" in text
        assert text.endswith(
            "Make the code faster, or allow more: raise max_regression in the marker or in pyproject.toml"
        )
        assert "baseline" not in text

    @pytest.mark.parametrize("result", [budget(), change(against="origin/main", in_pairs=True)])
    def test_where_the_limits_of_the_base_hold_a_raise_alone_is_no_remedy(
        self, result: BudgetResult | RegressionResult
    ) -> None:
        cases = find([measurement(result)], Policy())
        (plain,), (held,) = (worded(cases, alpha=0.01, by_label=words) for words in ("", "by the label faster-please"))
        by_label = "In a pull request, a raised limit holds only if a reviewer accepts it by the label faster-please."
        assert held.remedy == f"{plain.remedy.rstrip('.')}. {by_label}"
        assert "label" not in plain.remedy

    def test_a_growth_of_counts_says_so(self) -> None:
        calls = change(
            metric="calls", unit="calls", before=120, after=4120, ratio=34.3, grown=[Growth("a:b", 1, 4001)], commit=""
        )
        peak = change(metric="peak", unit="bytes", before=1e6, after=1.2e6, ratio=1.2, commit="", date="")
        found = failure(measurement(calls, peak, name="parse"))
        assert found[-1].partition(",")[0] == "Reduce the function calls and the peak memory"
        assert found[:-1] == [
            "parse: 34.3 times the function calls of the baseline",
            "  4,120, baseline 120 (2026-11-20); the best count here and in fresh processes",
            "    head  ████████████████████████",
            "    base  █░░░░░░░░░░░░░░░░░░░░░░░",
            "  limit 5 % or +10 from the default",
            "  Called more often:",
            "    1 -> 4,001 calls of a:b",
            "  What would help, by the numbers above and the profiles:",
            "    Call the function once for all, outside of the loop: a:b, up to 97% of the function calls",
            "parse: 20 % more peak memory than the baseline",
            "  1.20 MB, baseline 1 MB; the best count here and in fresh processes",
            "    head  ████████████████████████",
            "    base  ████████████████████░░░░",
            "  limit 5 % from the default",
            "  What would help, by the numbers above and the profiles:",
            "    Hold less at a time: go through the items one by one: peak memory 1 MB -> 1.20 MB, up to 17% of the peak memory",
        ]

    def test_a_drop_of_a_number_of_which_more_is_better_says_fewer(self) -> None:
        drop = change(
            metric="rps", unit="rps", direction=Direction.HIGHER, before=100, after=80, ratio=0.8, commit="", date=""
        )
        found = failure(measurement(drop))
        assert found[0] == "20 % fewer requests per second than the baseline"
        assert found[-1].startswith("Restore the requests per second, or accept it: ")

    def test_a_slowdown_beside_another_version_of_a_library_may_be_mended_by_the_old_version(self) -> None:
        numpy = VersionChange("numpy", "1.26", "2.0", is_imported=True)
        found = failure(measurement(change(installed=[numpy])))
        assert found[-1].startswith("Make the code faster, install the versions of the baseline, or accept it: ")
        unused = replace(numpy, is_imported=False)
        assert "versions" not in failure(measurement(change(installed=[unused])))[-1]

    @pytest.mark.parametrize(
        ("time", "told"),
        [
            (change(RegressionVerdict.UNCONFIRMED, ratio=1.004, lower=0.99, upper=1.02), ["unconfirmed"]),
            (change(RegressionVerdict.UNDECIDED, ratio=1.004, lower=0.98, upper=1.07, runs=0), ["unsuspicious"]),
            (change(RegressionVerdict.UNDECIDED, ratio=1.08, lower=1.0, upper=1.2), ["undecided"]),
            (change(), []),
            (change(RegressionVerdict.UNMEASURED, ratio=None, reason="the base has no such test"), []),
        ],
    )
    def test_a_count_that_regressed_alone_stands_beside_the_time(self, time: RegressionResult, told: list[str]) -> None:
        """Is it slower, then? The first count says so for all."""
        calls, peak = (change(metric=one, unit=one, before=1e6, after=2e6, ratio=2) for one in ("calls", "peak"))
        found = [one.split() for one in failure(measurement(time, calls, peak)) if one.startswith("  time ")]
        assert [words[1].rstrip(":") for words in found] == told
        assert all("% (95 % interval" in " ".join(words) for words in found)

    @pytest.mark.parametrize(
        ("others", "lines"),
        [
            ([], 0),
            ([Growth("a:b", 1, 50)], 1),
            ([Growth("a:b", 1, 41), Growth("a:c", 0, 9)], 1),
        ],
    )
    def test_a_function_that_explains_the_time_is_not_named_again_for_the_calls(
        self, others: list[Growth], lines: int
    ) -> None:
        time = change(grown=[Growth("a:b", 1, 41)])
        calls = change(
            metric="calls", unit="calls", before=100, after=500, ratio=5, grown=others or [Growth("a:b", 1, 41)]
        )
        found = failure(measurement(time, calls))
        assert sum("1 -> 41 calls" in one for one in found) == 1
        assert found.count("  Called more often:") == 1 + lines
        alone = failure(measurement(replace(time, verdict=RegressionVerdict.UNDECIDED), calls))
        assert alone.count("  Called more often:") == 1

    @pytest.mark.parametrize(
        ("before", "after", "limit"), [(20, 400, "5 % or +10"), (1000, 4000, "5 %"), (200, 400, "5 %")]
    )
    def test_a_limit_below_what_is_always_allowed_says_so(self, before: int, after: int, limit: str) -> None:
        calls = change(metric="calls", unit="calls", before=before, after=after, ratio=after / before)
        assert f"  limit {limit} from the default" in failure(measurement(calls))

    def test_the_profile_of_a_slower_test_is_shown_once(self) -> None:
        profile = [ProfileRow("hive.tokens:verify, line 88", 41, 0.91)]
        row = "     91%  41 calls of hive.tokens:verify, line 88"
        assert failure(measurement(change(), profile=profile)).count(row) == 1
        assert failure(measurement(budget(), change(), profile=profile)).count(row) == 1

    def test_node_ids_are_quoted_for_the_shell(self) -> None:
        odd = measurement(change(), nodeid="tests/test_a.py::test[a b'c]")
        assert failure(odd)[-1].endswith("""'tests/test_a.py::test[a b'"'"'c]'""")

    @pytest.mark.parametrize("strict", [True, False])
    def test_a_base_that_runs_the_heads_code_always_fails(self, strict: bool) -> None:
        one = measurement(change(RegressionVerdict.WRONG_CODE, reason="it imports 'shop' from site-packages"))
        assert failure(one, strict=strict) == [
            "wrong_code: it imports 'shop' from site-packages",
            "Let each side run its own code, as the reason says; as a rule, an editable install does: pip install -e .",
        ]

    @pytest.mark.parametrize(
        "verdict",
        [one for one in RegressionVerdict if one not in (RegressionVerdict.REGRESSED, RegressionVerdict.WRONG_CODE)],
    )
    def test_only_a_number_that_was_not_compared_fails_and_only_if_strict(self, verdict: RegressionVerdict) -> None:
        one = measurement(change(verdict, reason="why"))
        assert failure(one) == []
        strict = failure(one, strict=True)
        assert bool(strict) is verdict.is_unjudged
        if strict:
            assert strict[0] == f"{verdict.value}: why"
            is_helped = verdict in (RegressionVerdict.NEW, RegressionVerdict.FOREIGN)
            update = "Update the baseline: pytest --perf-update-baseline tests/test_api.py::test_login"
            because = "A number that is not compared fails because of --perf-strict (or strict = true)."
            assert strict[-1] == (update if is_helped else because)

    def test_a_test_that_only_the_head_has_never_fails(self) -> None:
        assert failure(measurement(change(RegressionVerdict.NEW, against="main", reason="why")), strict=True) == []

    def test_a_test_that_differs_in_the_base_says_so(self) -> None:
        differs = change(against="main", is_test_changed=True)
        assert "  the test, or a fixture of it, differs from that of main: the test itself may do more work" in failure(
            measurement(differs)
        )
        skipped = change(RegressionVerdict.CHANGED, against="main", is_test_changed=True)
        assert notes(measurement(skipped, nodeid="a.py::t")) == [
            "changed: a.py::t: the test, or a fixture of it, differs from that of main, not gated; "
            "+12.4 % (95 % interval +9.8 % .. +15.1 %)"
        ]

    def test_notes_gather_tests_with_the_same_reason(self) -> None:
        new = [
            measurement(change(RegressionVerdict.NEW, reason="not there"), nodeid=f"a.py::t{number}")
            for number in range(5)
        ]
        unsure = measurement(change(RegressionVerdict.UNCONFIRMED, runs=1, ratio=1.004), nodeid="a.py::u")
        calm = measurement(change(RegressionVerdict.UNCHANGED, runs=0))
        assert notes(*new, unsure, calm, missing=[Missing("a.py::gone", "", "renamed?")]) == [
            "new: a.py::t0, a.py::t1, a.py::t2 and 2 more: not there",
            "unconfirmed: a.py::u: looked slower here, but +0.4 % in 1 fresh process",
            "missing: a.py::gone: renamed?",
        ]

    def test_many_suspects_that_were_cleared_are_one_line(self) -> None:
        cleared = [
            measurement(
                change(RegressionVerdict.UNCONFIRMED, runs=1, ratio=1 + number / 100), nodeid=f"a.py::t{number}"
            )
            for number in range(4)
        ]
        assert notes(*cleared) == [
            "unconfirmed: a.py::t0, a.py::t1, a.py::t2 and 1 more: "
            "looked slower here, but not when measured again; -v shows the numbers"
        ]
        assert len(notes(*cleared[:3])) == 3
        told = change(RegressionVerdict.UNCONFIRMED, runs=1, ratio=1.0, reason="the surroundings are slower")
        assert (
            notes(*cleared, measurement(told, nodeid="a.py::u"))[-1]
            == "unconfirmed: a.py::u: the surroundings are slower"
        )

    def test_notes_say_what_fresh_processes_could_not_tell(self) -> None:
        unsure = change(
            RegressionVerdict.UNDECIDED, runs=10, ratio=1.12, lower=0.98, upper=1.28, limit=0.05, p_value=0.025
        )
        assert notes(measurement(unsure, nodeid="a.py::u")) == [
            "undecided: a.py::u: looked slower, in 10 fresh processes too, but that may be chance: "
            "+12.0 % (95 % interval -2.0 % .. +28 %), limit 5 %; "
            "unchanged code would look so slow once in 40 times (alpha, shared by the tests: once in 2,400 times)",
        ]

    def test_a_gain_that_fresh_pairs_confirm_is_no_chance(self) -> None:
        pairs: dict[str, Any] = {"runs": 9, "in_pairs": True, "ratio": 0.5, "against": "main"}
        sure, unsure = (change(one, **pairs) for one in (RegressionVerdict.IMPROVED, RegressionVerdict.UNDECIDED))
        assert notes(measurement(unsure)) == []
        assert notes(measurement(sure, nodeid="a.py::t")) == [
            "improved: a.py::t: looked faster here, and -50 % in 9 fresh pairs of processes"
        ]

    def test_a_number_that_is_undecided_in_the_sessions_own_run_needs_no_note(self) -> None:
        assert notes(measurement(RegressionResult("time", RegressionVerdict.UNDECIDED, ratio=1.01))) == []
