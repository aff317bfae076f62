"""The Markdown report: what it says first, what it escapes, and where it is cut."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from full_result import FULL, HOSTILE, many, result_of
from html_session import traced
from hypothesis import given, settings
from hypothesis import strategies as st
from results import budget, change, measurement

from pytest_perfbudget.core.finding import Severity
from pytest_perfbudget.core.results import BudgetVerdict, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.report.formats.markdown import MOST_BYTES, render
from pytest_perfbudget.report.formats.markdown_text import code, code_in_table, fenced
from pytest_perfbudget.report.spans import tree_lines, whole_of

WITHIN = measurement(budget(BudgetVerdict.WITHIN, estimate=1e6))


def evidence(text: str) -> str:
    """Return the part with the evidence of each failure."""
    return text.partition("### Evidence")[2]


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ")]


def test_a_red_session_begins_with_what_failed_and_what_to_do() -> None:
    text = render(result_of(measurement(budget(), change())))
    parts = [
        "1 perf test fails: 1 exceeded", "### Failures", "p95 61.3 ms exceeds its budget", "(and 1 further finding)",
        "### What to do", "Make the code cheaper", "### Session", "commit 3f2a91c0d", "### Evidence", "p95 lies above",
        "| verdict |",
    ]  # fmt: skip
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_the_list_of_many_failures_names_the_first_and_counts_the_others() -> None:
    def listed(tests: int) -> str:
        text = render(result_of(*(measurement(budget(), nodeid=f"a.py::test_{at}") for at in range(tests))))
        return text[text.index("### Failures") : text.index("### What to do")]

    assert (listed(10).count("exceeds its budget"), "further" in listed(10)) == (10, False)
    assert listed(31).count("exceeds its budget") == 10
    assert "- and 21 further tests, with the evidence below\n" in listed(31)


def test_a_calm_session_has_its_results_folded_and_no_failures() -> None:
    calm = result_of(WITHIN)
    text = render(replace(calm, session=replace(calm.session, exit_status=0)))
    assert text.startswith("## Performance: passed\n\nNo test fails by a budget or by a comparison.\n")
    assert "### Failures" not in text
    assert "### Session" not in text
    assert "<summary>1 further result: 1 within</summary>" in text


def test_a_remedy_for_several_tests_is_told_once_before_their_evidence() -> None:
    text = render(result_of(*(measurement(budget(), nodeid=f"a.py::test_{at}") for at in range(3))))
    assert text.count("Make the code cheaper") == text.count("perfbudget guide exceeded") == 1
    assert text.index("Make the code cheaper") < text.index("#### `a.py::test_0`")


def test_the_time_of_spans_has_its_causes_as_on_the_terminal() -> None:
    calm = replace(traced(), budgets=[])
    text = render(result_of(calm))
    assert "<summary>Where the time goes, by span: 1 measurement</summary>" in text
    assert calm.spans is not None
    for line in tree_lines(calm.spans, whole_of(calm)):
        assert f"\n{line}\n" in text
    assert "I/O or sleep" in text
    assert text.count("<details>") == text.count("</details>")


def test_spans_that_a_failure_shows_are_not_shown_again() -> None:
    slow = replace(traced(), budgets=[budget()])
    assert render(result_of(slow)).count("Where the time goes, by span") == 1


def test_what_would_fail_has_its_evidence_too() -> None:
    gated = result_of(measurement(budget()))
    warned = replace(
        gated,
        session=replace(gated.session, gate="warn"),
        findings=[replace(one, severity=Severity.WARNING) for one in gated.findings],
    )
    text = render(warned)
    assert text.startswith("## Performance: would fail\n\n1 of 1 perf test would fail with the gate on: 1 exceeded.\n")
    assert text.index("### Would fail") < text.index("### What to do") < text.index("p95 lies above")
    assert "### Notes\n\n- `note: " in text


def test_tests_that_failed_for_other_reasons_are_named_beside_a_budget() -> None:
    failed = result_of(measurement(budget()))
    facts = replace(failed.session, other_failures=1, other_failed=["a.py::test_`x`"], perf_tests=2)
    text = render(replace(failed, session=facts))
    assert text.startswith("## Performance: failed\n\n1 of 2 perf tests fails: 1 exceeded.\n1 test failed for other")
    assert "Failed for other reasons:\n\n- `` a.py::test_`x` ``\n" in text
    assert "other reasons" not in render(failed)


def test_a_session_that_measured_nothing_has_not_passed() -> None:
    assert render(RunResult()).startswith("## Performance: nothing measured\n")


def test_a_finding_of_the_session_stands_in_the_list_without_evidence() -> None:
    (finding,) = result_of(measurement(budget())).findings
    text = render(RunResult(findings=[replace(finding, kind="missing", test="a.py::test_x", headline="gone")]))
    assert "## Performance: failed\n\nThe session fails: 1 missing.\n" in text
    assert "### Failures\n\n- `missing: a.py::test_x: gone`\n" in text
    assert "### Evidence" not in text


class TestCut:
    """A text that is too long."""

    @pytest.mark.parametrize("most", [5_000, 20_000, 200_000])
    def test_rows_of_tests_that_pass_go_first_and_are_counted(self, most: int) -> None:
        whole, text = render(many(2_000)), render(many(2_000), most)
        assert len(text.encode()) <= most
        added = set(text.splitlines()) - set(whole.splitlines())
        assert {line[:9] for line in added} <= {"- `tests/", text.splitlines()[-1][:9]}
        assert text.count("<details>") == text.count("</details>")
        found = re.search(r"([\d,]+) rows? left out", text)
        assert found is not None
        is_row = [line for line in rows(text) if "---" not in line and "verdict" not in line]
        assert len(is_row) + int(found[1].replace(",", "")) == 4_000
        assert evidence(text).count("exceeds its budget") == 20

    @pytest.mark.parametrize(
        ("most", "whole", "names"), [(2_200, 0, 5), (5_000, 3, 37), (6_000, 11, 29), (60_000, 40, 0)]
    )
    def test_names_of_failed_tests_go_last(self, most: int, whole: int, names: int) -> None:
        noted = result_of(*(measurement(budget(), nodeid=f"a.py::test[{at}]") for at in range(40)))
        text = render(replace(noted, session=replace(noted.session, notes=["a note " * 9] * 40)), most)
        found = evidence(text)
        assert (found.count("\n#### `a.py::test["), found.count("\n- `a.py::test[")) == (whole, names)
        assert text.count("\n- `a.py::test[") == names + 10
        assert len(text.encode()) <= most
        assert ("without evidence" in text) == (whole < 40)

    def test_a_large_failure_leaves_room_for_the_names_of_the_others(self) -> None:
        large = measurement(budget(source="x" * 50_000), nodeid="a.py::test_large")
        text = render(result_of(large, measurement(budget(), nodeid="a.py::test_small")), 10_000)
        assert "- `a.py::test_large`: `p95 61.3 ms exceeds its budget of 50 ms (123%)`\n" in text
        assert "#### `a.py::test_small`\n\n```text\n" in text
        assert "The text is too long: 1 finding without evidence" in text

    def test_tests_that_failed_for_other_reasons_are_named_before_any_row(self) -> None:
        names = [f"a.py::test_other[{at}]" for at in range(400)]
        calm = many(1_000)
        text = render(replace(calm, session=replace(calm.session, other_failures=400, other_failed=names)), 30_000)
        assert all(f"- `{one}`\n" in text for one in names[:20])
        assert "380 more" in text
        assert "rows left out" in text

    def test_a_text_that_fits_is_not_cut(self) -> None:
        assert "left out" not in render(many(100))

    def test_ten_thousand_failures_leave_no_room_for_a_table(self) -> None:
        failed = result_of(*(measurement(budget(), nodeid=f"a.py::test[{at}]") for at in range(5_000)))
        text = render(failed, MOST_BYTES // 2)
        assert len(text.encode()) <= MOST_BYTES // 2
        assert all(f"`a.py::test[{at}]`" in text for at in range(5_000))
        assert re.search(r"[\d,]+ findings without evidence; .*5,000 rows left out", text)
        assert rows(text) == []

    def test_the_size_is_that_of_bytes(self) -> None:
        wide = result_of(*(measurement(budget(), nodeid=f"a.py::test_{'日' * 40}[{at}]") for at in range(300)))
        assert len(render(wide, 30_000).encode()) <= 30_000


class TestNames:
    """Names with signs of Markdown."""

    def test_no_name_makes_a_tag_or_a_line(self) -> None:
        text = render(FULL)
        outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", re.sub(r"```text.*?\n```", "", text, flags=re.DOTALL))
        assert set(re.findall(r"<[^>]*>", outside)) == {
            "<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>",
        }  # fmt: skip
        assert len({line.count("|") for line in rows(outside) if "code>" in line} | {10}) == 1

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_name_is_one_line(self, name: str) -> None:
        assert "\n" not in code(name)
        assert "|" not in code_in_table(name)

    @settings(deadline=None)
    @given(st.text(min_size=1))
    def test_a_code_span_ends_where_its_fence_says(self, text: str) -> None:
        span = code(text)
        fence = re.match("`+", span)
        assert fence is not None
        assert span.endswith(fence[0])
        inner = span[len(fence[0]) : -len(fence[0])]
        assert fence[0] not in inner
        assert not inner.startswith("`")
        assert not inner.endswith("`")

    @settings(deadline=None)
    @given(st.text())
    def test_a_code_block_ends_at_its_last_line(self, text: str) -> None:
        first, *inner, last = fenced(text).splitlines()
        assert first == f"{last}text"
        assert not any(line.strip().startswith(last) for line in inner)


def test_each_change_shows_both_sides_and_its_limit() -> None:
    (line,) = [
        one for one in rows(render(result_of(measurement(change(RegressionVerdict.UNCHANGED))))) if "time" in one
    ]
    assert line == "| unchanged | `tests/test_api.py::test_login` | time | 1.64 ms | 1.84 ms | 5 % | +12.4 % |"


def test_a_number_that_was_zero_has_a_change_in_words() -> None:
    grown = change(RegressionVerdict.REGRESSED, metric="peak", unit="bytes", before=0, after=24_000, ratio=None)
    (line,) = [one for one in rows(render(result_of(measurement(grown)))) if "peak" in one]
    assert line.endswith("| from none |")
