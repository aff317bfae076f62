"""The table that `perfbudget init` writes into a pyproject.toml, which otherwise stays as it is."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.config import parse_settings
from pytest_perfbudget.errors import ConfigError, InitError
from pytest_perfbudget.init.table import Table, existing, with_table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WANTED = Table({"max_regression": "5%"}, {"tests/test_it.py::test_it": {"p95_ms": 50, "component": "it"}}, "suggested")
BLOCK = """\
[tool.perfbudget]  # all keys: perfbudget guide configuration
max_regression = "5%"  # growth up to this never fails a test

[tool.perfbudget.budgets]
# suggested
"tests/test_it.py::test_it" = { p95_ms = 50, component = "it" }
"""


@pytest.mark.parametrize(
    ("before", "gap"),
    [
        (None, ""),
        ("", ""),
        ('[project]\nname = "shop"\n', "\n"),
        ('[project]\nname = "shop"', "\n\n"),
        ("tool.other.key = 1  # a comment\n", "\n"),
        ("[tool.poetry]\n[tool.poetry.dependencies]\npython = '*'\n\n[build-system]\nrequires = []\n", "\n"),
    ],
)
def test_a_new_table_is_appended_and_every_byte_before_stays(before: str | None, gap: str) -> None:
    assert with_table(before, WANTED, "pyproject.toml") == (before or "") + gap + BLOCK


def test_the_table_is_accepted_by_the_parser_of_settings() -> None:
    assert parse_settings(tomllib.loads(BLOCK)["tool"]["perfbudget"], "pyproject.toml").notes == ()


def test_line_ends_of_windows_stay() -> None:
    before = '[project]\r\nname = "shop"\r\n'
    after = with_table(before, WANTED, "pyproject.toml")
    assert after == before + "\r\n" + BLOCK.replace("\n", "\r\n")
    again = with_table(after, Table(budgets={"test_b.py::test_b": {"p95_ms": 1}}), "pyproject.toml")
    assert again.count("\r\n") == again.count("\n") == after.count("\n") + 1


EXISTING = """\
# the shop
[tool.perfbudget]   # ours
max_regression = "10%"  # agreed in the team

[tool.perfbudget.budgets]
"test_a.py::test_a" = { p95_ms = 7 }  # tight

[tool.other]
key = 1
"""


def test_an_existing_table_keeps_its_values_comments_and_order() -> None:
    wanted = Table(
        {"max_regression": "5%", "codspeed": True},
        {"test_a.py::test_a": {"p95_ms": 50}, "test_b.py::test_b": {"p95_us": 5}},
    )
    after = with_table(EXISTING, wanted, "pyproject.toml")
    assert [line for line in after.splitlines() if line not in EXISTING.splitlines()] == [
        "codspeed = true",
        '"test_b.py::test_b" = {p95_us = 5}',
    ]
    assert set(EXISTING.splitlines()) <= set(after.splitlines())


@pytest.mark.parametrize("budgets", ["", '[tool.perfbudget.budgets]\n"test_a.py" = { p95_ms = 7 }\n'])
@pytest.mark.parametrize("following", ["", "[tool.other]\nkey = 1\n"])
def test_new_entries_of_an_existing_table_have_their_origin_and_room(budgets: str, following: str) -> None:
    before = f'[tool.perfbudget]\nmax_regression = "10%"\n{budgets}{following}'
    wanted = Table({}, {"test_b.py::test_b": {"p95_us": 5}}, "suggested on a Friday")
    after = with_table(before, wanted, "pyproject.toml")
    gap = "" if budgets else "\n"
    head = budgets or "[tool.perfbudget.budgets]\n"
    new = '# suggested on a Friday\n"test_b.py::test_b" = {p95_us = 5}\n'
    rest = f"\n{following}" if following else ""
    assert after == f'[tool.perfbudget]\nmax_regression = "10%"\n{gap}{head}{new}{rest}'
    assert with_table(after, wanted, "pyproject.toml") == after


def test_nothing_changes_where_nothing_is_missing() -> None:
    assert with_table(EXISTING, Table(budgets={"test_a.py::test_a": {"p95_ms": 50}}), "pyproject.toml") == EXISTING
    once = with_table(None, WANTED, "pyproject.toml")
    assert with_table(once, WANTED, "pyproject.toml") == once


def test_a_table_of_sub_tables_only_can_get_keys() -> None:
    before = '[tool.perfbudget.budgets]\n"a" = { p95_ms = 1 }\n'
    after = with_table(before, Table({"codspeed": True}), "pyproject.toml")
    assert existing(after, "") == {"codspeed": True, "budgets": {"a": {"p95_ms": 1}}}


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1), st.integers(1, 10**9))
def test_any_node_id_survives(nodeid: str, limit: int) -> None:
    wanted = Table(budgets={nodeid: {"p95_ms": limit}})
    assert existing(with_table("", wanted, "p"), "p") == {"budgets": {nodeid: {"p95_ms": limit}}}
    beside = with_table("[tool.perfbudget]\nstrict = true\n", wanted, "p")
    assert existing(beside, "p") == {"strict": True, "budgets": {nodeid: {"p95_ms": limit}}}


def test_a_file_that_cannot_have_the_table_is_said() -> None:
    with pytest.raises(InitError, match=r"pyproject.toml: the table .* cannot be added to this file: write it with"):
        with_table("tool = { other = 1 }\n", WANTED, "pyproject.toml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[project\n", r"pyproject.toml: is no valid TOML: .*line 1"),
        ("[tool]\nperfbudget = 3\n", "pyproject.toml: perfbudget of .tool. must be a table, found 3"),
    ],
)
def test_a_broken_file_is_said(content: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        with_table(content, WANTED, "pyproject.toml")


def test_an_existing_table_needs_tomlkit_and_a_new_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tomlkit", None)
    assert with_table(None, WANTED, "pyproject.toml") == BLOCK
    with pytest.raises(InitError, match=r"needs tomlkit: pip install 'pytest-perfbudget\[init\]'"):
        with_table(EXISTING, WANTED, "pyproject.toml")
    assert with_table(BLOCK, WANTED, "pyproject.toml") == BLOCK  # a second run has nothing to add


def test_an_entry_without_a_limit_is_completed() -> None:
    before = '[tool.perfbudget.budgets]\n"test_a.py" = { component = "ours" }  # by hand\n"test_b.py" = {}\n'
    wanted = Table(budgets={one: {"p95_ms": 5, "component": "a"} for one in ("test_a.py", "test_b.py")})
    after = with_table(before, wanted, "pyproject.toml")
    entries = {"test_a.py": {"component": "ours", "p95_ms": 5}, "test_b.py": {"p95_ms": 5, "component": "a"}}
    assert existing(after, "") == {"budgets": entries}
    assert "  # by hand\n" in after
