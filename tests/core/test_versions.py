"""The distributions that differ between two environments."""

from __future__ import annotations

from pytest_perfbudget.core.versions import VersionChange, version_changes


def test_other_versions_come_before_what_only_one_side_has() -> None:
    before = {"rich": "13", "scipy": "1.11", "attrs": "23"}
    after = {"rich": "13", "scipy": "1.12", "httpx": "0.27"}
    assert version_changes(before, after) == [
        VersionChange("scipy", "1.11", "1.12"), VersionChange("attrs", "23", ""), VersionChange("httpx", "", "0.27")
    ]  # fmt: skip


def test_the_same_versions_differ_in_nothing() -> None:
    assert version_changes({"rich": "13"}, {"rich": "13"}) == []


def test_imported_distributions_come_first() -> None:
    before, after = {"a": "1", "b": "1"}, {"a": "2", "b": "2"}
    assert version_changes(before, after, {"b"}) == [
        VersionChange("b", "1", "2", is_imported=True),
        VersionChange("a", "1", "2"),
    ]


def test_a_name_in_another_form_is_the_same_name() -> None:
    """A baseline may have the names of folders, as earlier versions wrote them."""
    assert version_changes({"ruamel_yaml": "1", "Jinja2": "3"}, {"ruamel-yaml": "1", "jinja2": "3"}) == []
