"""How names, bars and columns fit into a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pytest_perfbudget.report.formats.table_layout import Bar, Column, cut, draw, short_names
from pytest_perfbudget.report.printable import printable


@pytest.mark.parametrize(
    ("name", "width", "shown"),
    [
        ("test_short", 10, "test_short"),
        ("test_lists_the_tasks_of_an_agent", 26, "test_lists_the…of_an_agent"),
        ("test_lists_by_status[open-20]", 28, "test_lists…status[open-20]"),
        ("test_claims_a_task[10-000]", 18, "test…task[10-000]"),
        ("TestTaskRepository[by status]", 18, "TestTa…[by status]"),
        ("test_verifies_a_token signature", 28, "test_verifies_a…signature"),
        ("test_" + "x" * 40, 20, "test…" + "x" * 15),
        ("x" * 40, 20, "x" * 10 + "…" + "x" * 9),
    ],
)
def test_a_long_name_loses_whole_words_of_its_middle(name: str, width: int, shown: str) -> None:
    assert cut(name, width, unicode=True) == shown


def test_without_unicode_there_are_three_dots() -> None:
    assert cut("test_lists_the_tasks_of_an_agent", 28, unicode=False) == "test_lists_the...of_an_agent"


NAMES = st.one_of(
    st.text(min_size=1, max_size=120),
    st.lists(st.sampled_from(["test", "_", "[", "]", "::", "lists", "agent", "a", "-", " ", "日本", "é"])).map("".join),
).map(lambda name: printable(name, unicode=True))


@given(NAMES, st.integers(8, 130), st.booleans())
def test_a_cut_name_keeps_both_ends_and_never_exceeds_its_width(name: str, width: int, unicode: bool) -> None:
    shown = cut(name, width, unicode=unicode)
    assert cell_len(shown) <= width
    if shown != name:
        assert cell_len(name) > width
        assert shown[0] == name[0]
        assert shown[-1] == name[-1]
        mark = "…" if unicode else "..."
        # The name may hold the mark too, so any place of a mark may be the cut.
        places = [at for at in range(len(shown)) if shown.startswith(mark, at)]
        assert any(name.startswith(shown[:at]) and name.endswith(shown[at + len(mark) :]) for at in places)


@given(st.text())
def test_a_printable_name_takes_one_line_and_is_ascii_where_it_has_to_be(name: str) -> None:
    assert printable(name, unicode=True).isprintable()
    assert printable(name, unicode=False).isascii()


def test_what_the_output_cannot_show_is_escaped() -> None:
    assert printable("test[a\nb-é]", unicode=True) == r"test[a\nb-é]"
    assert printable("test[a\nb-é]", unicode=False) == r"test[a\nb-\xe9]"


@pytest.mark.parametrize(
    ("nodeids", "shown"),
    [
        (["a/t.py::x", "a/t.py::C::y", "a/t.py::x"], ["x", "C::y", "x"]),
        (["a/t.py::x", "a/u.py::x"], ["t.py::x", "u.py::x"]),
        (["a/t.py::x", "b/t.py::x"], ["a/t.py::x", "b/t.py::x"]),
        (["a/t.py::x", "a/u.py::x", "a/u.py::y"], ["t.py::x", "u.py::x", "y"]),
        (["doc.txt"], ["doc.txt"]),
    ],
)
def test_node_ids_are_as_short_as_they_can_be(nodeids: list[str], shown: list[str]) -> None:
    names = short_names(nodeids)
    assert [names[nodeid] for nodeid in nodeids] == shown


@pytest.mark.parametrize(
    ("used", "drawn"),
    [(0.0, "....    0%"), (0.5, "##..   50%"), (0.99, "###.   99%"), (1.0, "####  100%"), (6.5, "#### 6.50x")],
)
def test_only_a_full_budget_has_a_full_bar(used: float, drawn: str) -> None:
    assert Bar(cells=4, unicode=False).draw(used) == drawn


def test_without_room_for_a_bar_its_number_stays() -> None:
    assert Bar(cells=0, unicode=True).draw(0.5) == "  50%"


class TestFolding:
    NAME = "tests/test_orders.py::TestOrders::test_recalculates_the_totals[europe-1000]"

    def test_a_whole_name_is_folded_after_whole_words(self) -> None:
        name = Column("test", [(self.NAME, "")], most=24)
        lines = list(draw([name], color=False, unicode=True))[2:]
        assert lines == ["tests/test_orders.py::", "TestOrders::test_", "recalculates_the_totals[", "europe-1000]"]

    def test_only_a_word_longer_than_the_line_is_broken(self) -> None:
        name = Column("test", [("abcdefghij_kl", "")], most=6)
        assert list(draw([name], color=False, unicode=True))[2:] == ["abcdef", "ghij_", "kl"]
