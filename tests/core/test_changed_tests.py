"""The numbers of a changed test that are lower than those of the base's own test."""

from __future__ import annotations

import pytest
from results import change, measurement

from pytest_perfbudget.core.changed_tests import (
    ChangedTest,
    PerfTestChange,
    ReplacedCode,
    is_comparable,
    lower_numbers,
    replaced_code,
)
from pytest_perfbudget.core.cost_graph import CostGraph, FunctionCost
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict

LESS, SAME = change(), change(RegressionVerdict.UNCHANGED)
CALLS = change(metric="calls")
FASTER, UNKNOWN = change(RegressionVerdict.IMPROVED), change(RegressionVerdict.UNMEASURED)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ([LESS, SAME], [LESS]),
        ([SAME, CALLS], [CALLS]),
        ([UNKNOWN], [UNKNOWN]),
        ([UNKNOWN, CALLS], [CALLS]),  # fewer calls say enough
        ([SAME, FASTER], []),  # as much work, or more
        ([SAME, change(RegressionVerdict.UNMEASURED, metric="calls")], []),  # the time was compared
    ],
)
def test_less_work_or_an_unknown_time_is_found(changes: list[RegressionResult], found: list[RegressionResult]) -> None:
    assert lower_numbers([measurement(name="step", changes=changes)]) == [("step", one) for one in found]


def test_a_new_measurement_and_that_without_a_result_have_nothing_to_be_compared_with() -> None:
    assert not is_comparable(measurement(changes=[change(RegressionVerdict.NEW)]))
    assert not is_comparable(measurement(changes=[UNKNOWN]))
    assert is_comparable(measurement(changes=[FASTER]))
    assert is_comparable(measurement(changes=[UNKNOWN], is_pending=True))


def costs(**own_ns: float) -> CostGraph:
    """Return the costs of functions by name; `shop__price` stands for `shop:price`."""
    return CostGraph({name.replace("__", ":"): FunctionCost(1, one) for name, one in own_ns.items()})


BEFORE = costs(test_it__test=5, wares__prepare=3, shop__price=92)
CODE = ["lib/shop.py", "src/wares/__init__.py"]


@pytest.mark.parametrize(
    ("changed", "files"),
    [
        pytest.param(costs(test_it__test=5, wares__prepare=3, conftest__price=92), CODE, id="another function"),
        pytest.param(costs(test_it__test=5, wares__prepare=3, shop__price=92), CODE[1:], id="a namesake's file"),
    ],
)
def test_a_changed_test_that_runs_other_code_in_the_same_time_is_found(changed: CostGraph, files: list[str]) -> None:
    assert replaced_code(BEFORE, changed, CODE, files) == ReplacedCode({"shop:price": 0.92}, frozenset({"shop:price"}))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(BEFORE, id="nothing"),
        pytest.param(costs(test_it__test=8, shop__price=92), id="a small part"),
        pytest.param(costs(test_it__other=5, wares__prepare=3, shop__price=92), id="a function of the tests"),
    ],
)
def test_other_functions_that_hardly_take_time_or_belong_to_the_tests_are_no_finding(changed: CostGraph) -> None:
    assert replaced_code(BEFORE, changed, CODE, CODE) is None


def test_only_code_that_the_pull_request_changes_may_hide_something() -> None:
    own = costs(wares__prepare=20, shop__price=75, shop__round=5)
    both = replaced_code(own, costs(conftest__price=92), CODE, (), lambda _, file: file == "lib/shop.py")
    small = replaced_code(own, costs(conftest__price=92), CODE, (), lambda name, _: name == "shop:round")
    assert both is not None
    assert both.shares.keys() == own.functions.keys()
    assert both.hiding == ReplacedCode(
        {"shop:price": 0.75, "shop:round": 0.05}, frozenset({"shop:price", "shop:round"})
    )
    assert small is not None
    assert small.hiding is None


def test_code_that_is_replaced_by_chance_in_one_pair_is_no_finding() -> None:
    first = ReplacedCode({"shop:price": 0.5, "shop:rarely": 0.4})
    assert first.also_in(ReplacedCode({"shop:price": 0.6})) == ReplacedCode({"shop:price": 0.5})
    assert first.also_in(ReplacedCode({"shop:other": 0.6})) is None
    assert first.also_in(None) is None


def test_a_profile_without_time_says_nothing() -> None:
    assert replaced_code(CostGraph(), CostGraph(), CODE, ()) is None


LOWER, NOT_KNOWN = [("step", LESS)], [("step", UNKNOWN)]
OTHER = {"step": ReplacedCode({"shop:price": 0.92})}
HIDING = {"step": ReplacedCode({"shop:price": 0.92}, frozenset({"shop:price"}))}


@pytest.mark.parametrize(
    ("changed", "change"),
    [
        (ChangedTest(True), None),
        (ChangedTest(True, LOWER), PerfTestChange.MEASURES_LESS),
        (ChangedTest(False, LOWER), PerfTestChange.MEASURES_LESS),
        (ChangedTest(True, NOT_KNOWN), PerfTestChange.MEASURES_LESS),
        (ChangedTest(False, NOT_KNOWN), PerfTestChange.MAY_MEASURE_LESS),
        (ChangedTest(True, NOT_KNOWN, renamed={"work": "compute"}), PerfTestChange.FOLLOWS_CODE),
        (ChangedTest(True, LOWER, renamed={"work": "compute"}), PerfTestChange.FOLLOWS_CODE),  # of an exchanged name
        (ChangedTest(True, replaced=OTHER), PerfTestChange.MEASURES_OTHER_CODE),
        (ChangedTest(True, replaced=HIDING), PerfTestChange.MEASURES_LESS),
        (ChangedTest(True, with_base=ChangedTest(True, NOT_KNOWN)), None),  # the head's code has shown enough
    ],
)
def test_a_changed_test_fails_the_session_if_it_measures_less_or_nothing_shows_that_it_does_not(
    changed: ChangedTest, change: PerfTestChange | None
) -> None:
    assert changed.change is change
