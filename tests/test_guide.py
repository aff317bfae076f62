"""The guide: its pages, its sections, and the command that shows them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from snippets import PAGES as FILES

from pytest_perfbudget import guide
from pytest_perfbudget.cli import main
from pytest_perfbudget.config import parse_limits
from pytest_perfbudget.core.results import BudgetVerdict, RegressionVerdict
from pytest_perfbudget.errors import GuideError
from pytest_perfbudget.report.guide import render_guide
from pytest_perfbudget.report.regressions import UNSUSPICIOUS

VERDICTS = sorted({one.value for one in (*BudgetVerdict, *RegressionVerdict)})
TERMS = """
round block run measurement canary weather duet pair quad base head suspect screening alpha p-value tolerance trend drift
"""


class TestPages:
    """Which pages there are, and how each begins."""

    def test_every_file_is_a_page(self) -> None:
        assert {file.stem for file in FILES} == set(guide.PAGES)

    @pytest.mark.parametrize("name", guide.PAGES)
    def test_a_page_begins_with_its_title_and_what_a_reader_can_do(self, name: str) -> None:
        title, blank, promise, *_ = guide.page(name).splitlines()
        assert title.lower() == f"# {name}"
        assert blank == ""
        assert promise.startswith(guide.PROMISE)

    @pytest.mark.parametrize("name", guide.PAGES)
    def test_a_summary_is_one_line(self, name: str) -> None:
        summary = guide.summary(guide.page(name))
        assert summary
        assert "\n" not in summary
        assert summary.rstrip(".") == summary
        assert len(f"- `{name}`: {summary}") <= 80

    def test_the_pages_of_a_terminal_are_short_enough_to_read(self) -> None:
        assert all(len(guide.page(name).splitlines()) <= 215 for name in guide.PAGES)


class TestSections:
    """Which text a word finds."""

    @pytest.mark.parametrize("verdict", VERDICTS)
    def test_every_verdict_has_a_section(self, verdict: str) -> None:
        text = guide.find(verdict)
        assert f"### {verdict}\n" in text
        assert f"`{verdict}` if" in text
        assert "- Fails the " in text
        assert "- Remedy: " in text

    @pytest.mark.parametrize("verdict", ["undecided", "unmeasured"])
    def test_a_verdict_of_budgets_and_comparisons_has_both_sections(self, verdict: str) -> None:
        text = guide.find(verdict)
        assert len(re.findall(rf"^### {verdict}\b", text, re.MULTILINE)) == 2
        chapters = [line for line in text.splitlines() if line.startswith("## ")]
        assert chapters == ["## Budgets", "## Comparison with the baseline or another commit"]
        assert f"A budget is `{verdict}` if" in text
        assert f"A comparison is `{verdict}` if" in text

    @pytest.mark.parametrize("term", TERMS.split())
    def test_every_term_of_the_vocabulary_is_in_the_glossary(self, term: str) -> None:
        assert guide.find(term).startswith(f"## {term}")

    def test_terms_are_sorted(self) -> None:
        titles = [section.title for section in guide.sections(guide.page("glossary"))]
        assert titles == sorted(titles)

    @pytest.mark.parametrize("word", ["Regressed", "`regressed`", " regressed "])
    def test_case_and_quotes_do_not_matter(self, word: str) -> None:
        assert guide.find(word) == guide.find("regressed")

    def test_a_term_is_found_by_its_setting(self) -> None:
        assert guide.find("max_regression") == guide.find("tolerance")
        assert guide.find("p_value") == guide.find("p-value")

    @pytest.mark.parametrize("word", ["perf-accepted", "policy", "loosens"])
    def test_the_words_of_the_gate_lead_to_its_policy(self, word: str) -> None:
        assert "by the label `perf-accepted`" in guide.find(word)

    def test_the_word_of_an_undecided_comparison_that_asks_for_nothing_is_a_topic(self) -> None:
        assert guide.find(UNSUSPICIOUS).startswith("### undecided (unsuspicious)\n\nA comparison")

    @pytest.mark.parametrize("word", ["trend", "drift", "change point", "candidate"])
    def test_the_words_of_the_history_lead_to_its_page(self, word: str) -> None:
        found = guide.find(word)
        assert found.startswith("## ")
        assert word in found.partition("\n")[0]
        assert "(history.md)" in found

    def test_a_page_comes_before_a_term_of_its_name(self) -> None:
        assert guide.find("baseline") == guide.page("baseline")

    def test_the_first_word_of_a_term_finds_the_term(self) -> None:
        assert guide.find("health") == guide.find("health score")

    def test_a_section_ends_before_the_next_of_its_level(self) -> None:
        outer, inner, last = guide.sections("# page\n## a\none\n### b\ntwo\n## c\nthree\n")
        assert (outer.title, outer.text) == ("a", "## a\none\n### b\ntwo\n")
        assert (inner.title, inner.text) == ("b", "### b\ntwo\n")
        assert (last.title, last.text) == ("c", "## c\nthree\n")

    def test_a_comment_in_a_code_block_is_no_heading(self) -> None:
        (section,) = guide.sections("## a\n```toml\n## no heading\n```\nend\n")
        assert section.text.endswith("end\n")

    def test_an_unknown_topic_names_the_nearest(self) -> None:
        with pytest.raises(GuideError, match=r"^the guide has no topic 'regresed' \(did you mean 'regressed'\?\); "):
            guide.find("regresed")


def test_the_keywords_that_the_page_on_budgets_lists_exist() -> None:
    lists = re.findall(r"^- (Statistics|Units): (.*)\.$", guide.page("budgets"), re.MULTILINE)
    statistics, units = (re.findall(r"`(\w+)`", words) for _, words in lists)
    for prefix in ("", "cpu_"):
        for statistic in statistics:
            for unit in units:
                assert parse_limits({f"{prefix}{statistic}_{unit}": 1}, "here").budgets


class TestCommand:
    """`perfbudget guide`."""

    def test_without_a_topic_it_lists_the_pages(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["guide"]) == 0
        lines = capsys.readouterr().out.splitlines()
        for name in guide.PAGES:
            assert sum(line.startswith(f"- `{name}`: ") for line in lines) == 1

    def test_a_pipe_gets_the_text_as_it_is(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["guide", "verdicts"]) == 0
        assert capsys.readouterr().out == guide.page("verdicts")

    def test_a_topic_may_have_two_words(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["guide", "fresh", "process"]) == 0
        assert capsys.readouterr().out.startswith("## fresh process\n")

    def test_an_unknown_topic_is_one_line_and_exit_code_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["guide", "bugdets"]) == 2
        output, error = capsys.readouterr()
        assert output == ""
        assert error.startswith("perfbudget: the guide has no topic 'bugdets' (did you mean 'budgets'?)")
        assert error.count("\n") == 1

    @pytest.mark.parametrize(("no_color", "expects_color"), [(None, True), ("1", False)])
    def test_a_terminal_gets_it_drawn(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        no_color: str | None,
        expects_color: bool,
    ) -> None:
        always: Callable[[], bool] = lambda: True  # noqa: E731
        monkeypatch.setattr("sys.stdout.isatty", always)
        monkeypatch.delenv("NO_COLOR", raising=False)
        if no_color is not None:
            monkeypatch.setenv("NO_COLOR", no_color)
        assert main(["guide", "configuration"]) == 0
        drawn = capsys.readouterr().out
        assert "# Configuration" not in drawn
        assert "```" not in drawn
        assert ("\033[3" in drawn) is expects_color


@pytest.mark.parametrize("name", guide.PAGES)
def test_a_drawn_page_keeps_its_words_and_its_width(name: str) -> None:
    drawn = re.sub(r"\033\[[\d;]*m", "", render_guide(guide.page(name), width=90, color=True))
    assert max(map(len, drawn.splitlines())) <= 90
    assert "<!--" not in drawn
    assert ".md" not in drawn.replace("guide/method.md", "")
    for section in guide.sections(guide.page(name)):
        if len(section.title) < 60:
            assert section.title.replace("`", "") in drawn
