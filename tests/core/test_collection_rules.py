"""The rules of pytest's collection, as its settings have them."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_perfbudget.core.collection_rules import CollectionRules


@pytest.mark.parametrize(
    ("settings", "covered", "left_out"),
    [
        ({}, ["test_a.py", "deep/a_test.py"], ["a.py", "build/test_a.py", ".tox/test_a.py", "venv/lib/test_a.py"]),
        ({"testpaths": "tests 'more tests'"}, ["tests/x/test_a.py", "more tests/test_a.py"], ["test_a.py", "testsuite/test_a.py"]),
        ({"testpaths": ["./pack*/tests"]}, ["pack_a/tests/test_a.py"], ["pack_a/test_a.py"]),
        ({"python_files": ["check_*.py"]}, ["check_a.py"], ["test_a.py"]),
        ({"python_files": "perf/*.py"}, ["a/perf/b.py", "perf/b.py"], ["b.py"]),
        ({"norecursedirs": "slow"}, ["build/test_a.py"], ["slow/test_a.py", "a/slow/b/test_a.py"]),
        ({"addopts": "-q --ignore=slow --ignore test_b.py"}, ["test_a.py"], ["slow/test_a.py", "test_b.py"]),
        ({"addopts": ["--ignore-glob=*_slow.py"]}, ["test_a.py"], ["deep/test_slow.py"]),
        ({"addopts": "-k 'unclosed"}, ["test_a.py"], []),
    ],
)  # fmt: skip
def test_a_file_is_covered_as_by_pytest(settings: dict[str, Any], covered: list[str], left_out: list[str]) -> None:
    rules = CollectionRules.from_settings(settings)
    assert [one for one in (*covered, *left_out) if rules.covers(one)] == covered


def test_functions_and_classes_are_tests_by_the_beginning_or_the_pattern_of_their_names() -> None:
    rules = CollectionRules.from_settings({"python_functions": "check *_example", "python_classes": "Spec"})
    assert [one for one in ("check_a", "an_example", "test_a") if rules.covers_function(one)] == [
        "check_a",
        "an_example",
    ]
    assert [one for one in ("SpecA", "TestA") if rules.covers_class(one)] == ["SpecA"]


def test_the_settings_that_differ_are_named() -> None:
    plain = CollectionRules.from_settings({"addopts": "-q  -ra", "markers": "slow"})
    assert plain.differing(CollectionRules.from_settings({"addopts": ["-q", "-ra"], "python_functions": "test"})) == []
    assert plain.differing(CollectionRules.from_settings({"testpaths": "tests"})) == ["testpaths", "addopts"]


def test_the_lines_of_a_file_of_options_are_options() -> None:
    files = {"options.txt": "-q\n--ignore=old\n@more.txt\n", "more.txt": "--ignore\nother\n@options.txt"}
    rules = CollectionRules.from_settings({"addopts": "-ra @options.txt @gone.txt"}, files.get)
    assert list(rules.settings["addopts"])[:6] == ["-ra", "-q", "--ignore=old", "--ignore", "other", "-q"]
    assert rules.settings["addopts"][-1] == "@gone.txt"
    assert not rules.covers("old/test_a.py")
    assert not rules.covers("other/test_a.py")
    assert rules.covers("new/test_a.py")
