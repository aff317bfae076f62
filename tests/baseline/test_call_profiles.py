from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from cost_graphs import costs
from results import change

from pytest_perfbudget.baseline.call_profiles import (
    MOST_FUNCTIONS,
    Calls,
    calls_file,
    change_calls,
    read_calls,
    read_versions,
)
from pytest_perfbudget.baseline.schema import Key
from pytest_perfbudget.compare.versions import why_not_as_for_baseline, with_versions
from pytest_perfbudget.core.cost_graph import OUTSIDE, CostGraph, FunctionCost, LibraryCost
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.versions import VersionChange

KEY = Key("tests/test_a.py::t", "parse", "m")
PLACE = (KEY.test, KEY.name, "CPython 3.11")


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    return tmp_path / "perf-baseline.json"


def test_profiles_stand_in_a_file_beside_the_baseline_a_line_each(baseline: Path) -> None:
    change_calls(
        baseline, {PLACE: Calls({"json:loads": 3, "len": 2}), ("b", "", "CPython 3.12"): Calls({"x:y": 1})}, ()
    )
    assert calls_file(baseline).name == "perf-baseline.calls.json"
    assert read_calls(baseline, KEY, "CPython 3.11") == Calls({"json:loads": 3, "len": 2})
    assert read_calls(baseline, KEY, "CPython 3.12") is None
    assert sum("json:loads" in row for row in calls_file(baseline).read_text("utf-8").splitlines()) == 1


def test_a_change_keeps_the_others_and_removes_what_is_gone(baseline: Path) -> None:
    change_calls(baseline, {PLACE: Calls({"a:a": 1})}, ())
    change_calls(baseline, {("b", "", "CPython 3.11"): Calls({"x:y": 1})}, ())
    assert read_calls(baseline, KEY, "CPython 3.11") == Calls({"a:a": 1})
    change_calls(baseline, {}, [(KEY.test, KEY.name)])
    assert read_calls(baseline, KEY, "CPython 3.11") is None
    assert read_calls(baseline, Key("b", "", "m"), "CPython 3.11") is not None


def test_of_many_functions_the_most_called_are_kept_and_what_the_others_may_have_had() -> None:
    calls = Calls.from_functions({f"m:f{number}": number for number in range(1, MOST_FUNCTIONS + 51)})
    assert len(calls.functions) == MOST_FUNCTIONS
    assert min(calls.functions.values()) == 51
    assert calls.unknown == 51
    assert Calls.from_functions({"a:a": 1}).unknown == 0


def long_graph(functions: int, words: str = "a_function_with_a_long_name") -> CostGraph:
    """Return the costs of a chain of functions with long names, each of which calls a library function."""
    names = [OUTSIDE, *(f"package.module_{at}:{words}_{at}" for at in range(functions))]
    return CostGraph(
        {
            name: FunctionCost(
                1.0, 1e3 * at, dict.fromkeys(names[at + 1 : at + 2], 1.0), {"re:sub": LibraryCost(3, 500.0 * at)}
            )
            for at, name in enumerate(names)
        }
    )


class TestCosts:
    """The costs of the project's functions, by which a slowdown since the baseline is divided among them."""

    def test_costs_are_kept_with_the_calls_and_the_machine(self, baseline: Path) -> None:
        graph = costs(menu=(1, 4, {"price": 10, "re.sub": 2}), price=(10, 12.5, {"price": 2}))
        graph = CostGraph(
            {name: replace(one, code=f"{place:06x}") for place, (name, one) in enumerate(graph.functions.items(), 1)}
        )
        kept = Calls.from_functions({"web:menu": 1, "re.sub": 2}, "1234abcd", graph)
        change_calls(baseline, {PLACE: kept}, ())
        assert read_calls(baseline, KEY, "CPython 3.11") == kept

    def test_a_file_without_costs_is_still_read(self, baseline: Path) -> None:
        old = {"test": KEY.test, "name": KEY.name, "python": "CPython 3.11", "calls": {"a:a": 1}}
        calls_file(baseline).write_text(json.dumps({"schema": "perfbudget-calls/1", "profiles": [old]}), "utf-8")
        assert read_calls(baseline, KEY, "CPython 3.11") == Calls({"a:a": 1})

    @pytest.mark.parametrize("words", ["a_function_with_a_long_name", "größenänderungsprüfungsübersicht"])
    def test_of_many_functions_the_cheapest_are_written_into_their_callers(self, baseline: Path, words: str) -> None:
        graph = long_graph(300, words)
        calls = {f"other:f{at}": 1 for at in range(100)}
        change_calls(baseline, {PLACE: Calls.from_functions(calls)}, ())
        without = calls_file(baseline).stat().st_size
        change_calls(baseline, {PLACE: Calls.from_functions(calls, "1234abcd", graph)}, ())
        assert without < calls_file(baseline).stat().st_size <= without + 2048
        found = read_calls(baseline, KEY, "CPython 3.11")
        assert found is not None
        assert found.costs is not None
        assert found.costs.total_ns == pytest.approx(graph.total_ns, rel=1e-3)
        assert f"package.module_299:{words}_299" in found.costs.functions

    @pytest.mark.parametrize(
        "row", [1, [1], [[0, 1, 2, []]], [[9, 1, 2, [], []]], [["a", 0, 2, [], []]], [["a", "x", 2, [], []]]]
    )
    def test_costs_that_cannot_be_understood_explain_nothing(self, baseline: Path, row: object) -> None:
        entry = {"test": KEY.test, "name": KEY.name, "python": "CPython 3.11", "calls": {"a:a": 1}, "costs": row}
        calls_file(baseline).write_text(json.dumps({"schema": "perfbudget-calls/1", "profiles": [entry]}), "utf-8")
        assert read_calls(baseline, KEY, "CPython 3.11") is None


class TestVersions:
    """The versions of the distributions that were installed when the profiles were made."""

    def test_each_machine_has_its_own(self, baseline: Path) -> None:
        profile = {PLACE: Calls({"a:a": 1})}
        change_calls(baseline, profile, (), {"1234abcd": {"scipy": "1.11"}})
        change_calls(baseline, profile, (), {"5678abcd": {"scipy": "1.12"}})
        change_calls(baseline, {}, [("b", "")])
        assert read_versions(baseline, "1234abcd") == {"scipy": "1.11"}
        assert read_versions(baseline, "5678abcd") == {"scipy": "1.12"}
        assert read_versions(baseline, "another") is None

    def test_a_slowdown_says_what_is_installed_in_another_version(
        self, baseline: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        change_calls(baseline, {PLACE: Calls({"a:a": 1})}, (), {"1234abcd": {"scipy": "1.11"}})
        monkeypatch.setattr("pytest_perfbudget.compare.versions.installed_versions", lambda _: {"scipy": "1.12"})
        slower, calls, same = change(), change(metric="calls"), change(RegressionVerdict.UNCHANGED)
        found = with_versions([slower, calls, same], baseline, "1234abcd", baseline.parent)
        assert [list(one.installed) for one in found] == [[VersionChange("scipy", "1.11", "1.12")], [], []]
        assert with_versions([slower], baseline, "another", baseline.parent) == [slower]

    def test_what_a_function_of_the_project_imports_and_what_that_needs_may_be_the_cause(
        self, baseline: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = baseline.parent / "shop_of_test.py"
        file.write_text("def work():\n    import scipy\n", "utf-8")
        own = ModuleType("shop_of_test")
        own.__file__ = str(file)
        monkeypatch.setitem(sys.modules, "shop_of_test", own)
        before, now = (dict.fromkeys(("numpy", "scipy", "ruff"), version) for version in ("1", "2"))
        change_calls(baseline, {PLACE: Calls({"a:a": 1})}, (), {"1234abcd": before})
        monkeypatch.setattr("pytest_perfbudget.compare.versions.installed_versions", lambda _: now)
        (slower,) = with_versions([change()], baseline, "1234abcd", baseline.parent)
        assert [one.name for one in slower.installed if one.is_imported] == ["numpy", "scipy"]

    def test_other_versions_of_what_is_used_are_not_those_of_the_baseline(
        self, baseline: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now, generated = {"scipy": "1.12", "ruff": "1"}, list[str]()
        module = "pytest_perfbudget.compare.versions"
        monkeypatch.setattr(f"{module}.installed_versions", lambda _: now)
        monkeypatch.setattr(f"{module}.may_be_used", lambda _, names: [one for one in names if one == "scipy"])
        monkeypatch.setattr(f"{module}.ignored", lambda *_: {Path(one) for one in generated})
        monkeypatch.setattr(f"{module}.code_without_version", lambda *_: "")
        why_not = partial(why_not_as_for_baseline, baseline, "1234abcd", baseline.parent, baseline.parent)
        assert why_not() == "the versions of installed distributions are not in perf-baseline.calls.json"
        change_calls(baseline, {}, (), {"1234abcd": now})
        assert why_not() == ""
        now["ruff"] = "2"
        assert why_not() == ""
        now["scipy"] = "1.13"
        assert why_not() == "scipy 1.12 -> 1.13 since the baseline"
        now["scipy"] = "1.12"
        monkeypatch.setattr(f"{module}.code_without_version", lambda *_: "till")
        assert why_not() == "till is not in the repository, and has no version that would tell a change"
        monkeypatch.setattr(f"{module}.code_without_version", lambda *_: "")
        (baseline.parent / "_version.py").write_text('VERSION = "1"\n', "utf-8")
        (baseline.parent / "tables.py").write_text("def table(): pass\n", "utf-8")
        generated += ["_version.py"]
        assert why_not() == ""  # which has no function
        generated += ["tables.py"]
        assert why_not() == "git ignores tables.py, so that a change of this file is in no commit"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": "perfbudget-calls/9", "profiles": []}', '{"schema": "perfbudget-calls/1", "profiles": [1]}', '{"schema": "perfbudget-calls/1", "profiles": [{"test": "a", "python": "p", "calls": {"f": "x"}}]}'])  # fmt: skip
def test_a_file_that_cannot_be_understood_explains_nothing_and_harms_nothing(baseline: Path, content: str) -> None:
    calls_file(baseline).write_text(content, "utf-8")
    assert read_calls(baseline, KEY, "CPython 3.11") is None
