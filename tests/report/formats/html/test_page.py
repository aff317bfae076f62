"""The static part of the report, which a reader without scripts sees, and the data for the script."""

from __future__ import annotations

import builtins
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from html_session import (
    CALM,
    HOSTILE,
    PAYLOAD,
    QUERY,
    many,
    moved,
    payload_of,
    session_of,
    small,
    small_measurements,
    timed,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from results import change

from pytest_perfbudget.core.counts import CountPair, compare_counts
from pytest_perfbudget.core.metrics import PEAK
from pytest_perfbudget.core.results import Growth, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.errors import ReportError
from pytest_perfbudget.report import formats
from pytest_perfbudget.report.formats.html import page as page_module
from pytest_perfbudget.report.formats.html import render
from pytest_perfbudget.report.formats.html.links import well_formed
from pytest_perfbudget.report.formats.html.payload import packed, unpacked
from pytest_perfbudget.report.formats.html.statuses import STATUSES

GOLDEN = Path(__file__).parent / "golden"


def static_part(text: str) -> str:
    """Return the report without its style, its script and its data, which other tests are about."""
    text = PAYLOAD.sub(r"\1\3", text)
    text = re.sub(r"(<style>).*?(</style>)", r"\1\2", text, flags=re.DOTALL)
    text = re.sub(r"(<script>).*?(</script>)", r"\1\2", text, flags=re.DOTALL)
    return re.sub(r"'sha256-[^']*'", "'sha256'", text.replace("&#39;", "'"))


class Tags(HTMLParser):
    """The elements of a page, and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("failed", small()),
        ("would_fail", small("warn", exit_status=0)),
        ("passed", session_of(small_measurements()[:3], exit_status=0)),
        ("empty", RunResult()),
    ],
)
def test_the_static_part_is_the_golden_file(name: str, result: RunResult) -> None:
    path = GOLDEN / f"{name}.html"
    text = static_part(render(result))
    if os.environ.get("PERFBUDGET_GOLDEN") == "write":
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8"), "PERFBUDGET_GOLDEN=write pytest tests/report/formats/html writes it anew"


def test_the_same_result_gives_the_same_file() -> None:
    assert render(small()) == render(small()) == formats.render(small(), "html")


def test_every_limit_stands_in_the_data_beside_its_value_and_its_source() -> None:
    result = small()
    entries = {entry["id"]: entry for entry in payload_of(render(result))["entries"]}
    for measurement in result.measurements:
        shown = entries[measurement.id].get("budgets", [])
        assert len(shown) == len(measurement.budgets)
        assert {one["source"] for one in shown} == {f"{one.keyword} from {one.source}" for one in measurement.budgets}
        assert all(one["limit"] and one["measured"] and one["bar"]["limit"] <= 1 for one in shown)


def test_a_failure_beyond_the_first_failures_is_named_and_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "_MOST_TOLD", 1)
    text = render(many(300))
    assert text.count('class="failure"') == 1
    assert "2 further failures, without evidence" in text
    assert 'id="test=tests/area_7/test_module_7.py::TestClass::test_case_207[param]"' in text
    assert len(payload_of(text)["entries"]) == 300
    assert len(text) < 420_000  # a megabyte for a thousand tests, with room to spare


def test_a_single_note_or_failure_is_counted_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "_MOST_TOLD", 2)
    assert "<summary>1 further failure, without evidence</summary>" in render(small())
    quiet = session_of(small_measurements()[:1], notes=["a note"])
    assert "<summary>1 note</summary>" in render(replace(quiet, compared_with=None, missing=(), findings=()))


def test_an_empty_session_says_how_a_test_is_measured_and_has_no_empty_list() -> None:
    empty, filled = (static_part(render(one)) for one in (RunResult(), small()))
    told = "The first steps: <code>perfbudget guide start</code>"
    assert (told in empty, told in filled) == (True, False)
    for part in ('id="search"', 'id="legend"', 'href="#tests"'):
        assert (part in empty, part in filled) == (False, True)


def test_signs_that_cannot_be_seen_are_escaped_in_every_text_and_not_in_links() -> None:
    name = "\x1b[31m\u202edesrever\nline"
    text = render(session_of([replace(small_measurements()[CALM], nodeid=f"tests/a.py::test[{name}]")]))
    tags = Tags(static_part(text))
    assert any(r"tests/a.py::test[\x1b[31m\u202edesrever\nline]" in one for one in tags.texts)
    assert not [one for one in tags.texts if any(sign in one for sign in "\x1b\u202e")]
    assert 'href="#test=tests/a.py::test[%1B[31m%E2%80%AEdesrever%0Aline]"' in text


def test_a_note_names_ten_tests_and_counts_the_others() -> None:
    tests = [timed(f"tests/test_it.py::test_{number}", 1, warnings=["a doubt"]) for number in range(25)]
    text = render(session_of(tests))
    assert "and 15 more" in text
    assert text.count("#test=tests/test_it.py::test_") == 10


def test_a_verdict_has_the_status_of_the_warning_about_it() -> None:
    """Among the notes of the terminal's table, the list, the counts and the components."""
    silent = timed("tests/a.py::test_silent", 1, statistics={}, rounds=0, unmeasured="perf was never called")
    lost = change(RegressionVerdict.UNMEASURED, before=None, after=None, ratio=None, reason="no fresh process timed it")
    quiet = timed("tests/a.py::test_new", 1, moved(1, RegressionVerdict.NEW))
    text = render(session_of([silent, timed("tests/a.py::test_lost", 1, lost, component="a"), quiet]))
    entries = {entry["id"].partition("test_")[2]: entry for entry in payload_of(text)["entries"]}
    assert {name: STATUSES[one["urgency"]] for name, one in entries.items()} == {
        "silent": "warning", "lost": "warning", "new": "noted",
    }  # fmt: skip
    assert STATUSES[entries["lost"]["changes"][0]["urgency"]] == "warning"
    assert [entries[name]["findings"][0]["status"] for name in ("silent", "lost", "new")] == [
        "warning",
        "warning",
        "noted",
    ]
    assert "Warning <b>2</b>" in text
    assert re.search(r'class="icon warning".*<a href="#q=a">', text)


def test_a_function_that_explains_two_changes_is_named_at_the_first() -> None:
    load, render_page = Growth("shop:load", 1, 100), Growth("shop:render", 1, 2)
    slower = moved(1.3, RegressionVerdict.REGRESSED, grown=[load, render_page])
    more = [load, Growth("shop:check", 0, 9)]
    calls = change(
        RegressionVerdict.REGRESSED, metric="calls", unit="calls", before=10, after=109, ratio=10.9, grown=more
    )
    (entry,) = payload_of(render(session_of([timed("tests/a.py::test_a", 1, slower, calls)])))["entries"]
    found = [[one["function"] for one in changed["grown"]] for changed in entry["changes"]]
    assert found == [["shop:load", "shop:render"], ["shop:check"]]


def test_a_test_that_measures_nothing_stands_among_the_failures_or_the_warnings_once() -> None:
    why = "the test asks for the perf fixture but never called it"
    lost = change(RegressionVerdict.UNMEASURED, before=None, after=None, ratio=None, reason=why, against="main")
    silent = timed("tests/a.py::test_silent", 1, statistics={}, rounds=0, unmeasured=why)
    for is_required, title in ((True, "failures-title"), (False, "warnings-title")):
        text = render(session_of([replace(silent, changes=[replace(lost, is_required=is_required)])]))
        assert text.count(why) == 1
        assert text.index(title) < text.index(why)


def test_a_slowdown_that_fresh_processes_refuted_has_the_sign_of_a_test_that_passes() -> None:
    refuted = timed("tests/a.py::test_calm", 1, moved(1.01, RegressionVerdict.UNCHANGED))
    text = render(session_of([refuted]))
    (entry,) = payload_of(text)["entries"]
    assert (STATUSES[entry["urgency"]], entry["findings"][0]["status"]) == ("passing", "passing")
    assert re.search(r'icon passing".*<b class="kind">unchanged', text)


def test_a_change_within_an_absolute_allowance_says_so() -> None:
    changes = [compare_counts(PEAK, [CountPair(before, before + 8_000)], 0.05) for before in (12_000, 200_000)]
    tests = [timed(f"tests/a.py::test_{at}", 1, one) for at, one in enumerate(changes)]
    found = [one["changes"][0].get("allowance") for one in payload_of(render(session_of(tests)))["entries"]]
    assert found == ["within 16.4 kB", None]


def test_fifty_notes_are_told_and_the_others_counted() -> None:
    tests = [timed(f"tests/test_it.py::test_{number}", 1, warnings=[f"doubt {number}"]) for number in range(53)]
    text = render(session_of(tests))
    assert text.count('<b class="kind">note</b> doubt') == 50
    assert '<p class="source">3 further notes: see the details of the tests</p>' in text
    assert "further note" not in render(session_of(tests[:50]))


def test_no_name_message_or_query_becomes_markup() -> None:
    found = Tags(static_part(render(small())))
    assert found.tags.count("script") == 2
    assert not {"img", "i"} & set(found.tags)
    assert "test=tests/test_load.py::test_gateway_under_load%20order" in found.ids
    assert any(HOSTILE in text for text in found.texts)
    assert any(QUERY in text for text in found.texts)
    assert not [name for name in found.attributes if name.startswith("on") or name == "style"]


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_any_name_stays_text(name: str) -> None:
    one = replace(small_measurements()[0], nodeid=f"tests/a.py::{name}", component=name, warnings=[name])
    text = render(session_of([one]))
    assert text.encode("utf-8")
    assert Tags(static_part(text)).tags.count("script") == 2
    (entry,) = payload_of(text)["entries"]
    assert entry["id"] == well_formed(one.id)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=4)))
def test_data_come_back_as_they_were(data: object) -> None:
    assert unpacked(packed(data)) == data
    assert re.fullmatch(r"[A-Za-z0-9+/=]*", packed(data))


def test_every_page_forbids_all_but_its_own_style_and_script() -> None:
    text = render(RunResult())
    assert "default-src 'none'; style-src 'sha256-" in text.replace("&#39;", "'")
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
    assert "http:" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https:" not in text


def test_without_jinja2_a_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "jinja2":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    page_module._environment.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ReportError) as error:
        render(RunResult())
    assert str(error.value) == "an HTML report needs jinja2: pip install 'pytest-perfbudget[html]'"


def test_numbers_that_are_not_finite_do_not_get_into_the_data() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        packed({"value": float("nan")})
