"""The wording of perf tests that a pull request changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from results import change

from pytest_perfbudget.core.changed_tests import ChangedTest, ReplacedCode
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.report.changed_tests import changed_test_text

LESS = replace(change(), unit="ns", before=1e6, after=2e6)
OTHER = {"step": ReplacedCode({"shop:price": 0.4}), "": ReplacedCode({"shop:tax": 0.6}, frozenset({"shop:tax"}))}


def unknown(reason: str) -> ChangedTest:
    return ChangedTest(True, [("step", replace(change(RegressionVerdict.UNMEASURED), reason=reason))])


FAILS_THERE, FAILS = unknown("cannot import name 'cost' from 'shop' (/tmp/1/shop.py)"), unknown("the head fails")


def text(changed: ChangedTest) -> str:
    return changed_test_text(changed, "tests/test_shop.py::test_price", "main...")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            ChangedTest(True, [("step", LESS)]),
            "changed so that the test measures less: with the code of main..., step takes 1 ms instead of 2 ms",
        ),
        (
            ChangedTest(True, [("", LESS)], with_base=FAILS_THERE),
            "changed so that the test measures less: with the code of the pull request, the test takes 1 ms instead of 2 ms",
        ),
        (
            ChangedTest(True, replaced=OTHER),  # what may hide slower code goes first
            "changed so that the test measures other code: with the code of main..., the test does not run shop:tax any "
            "more, 60% of its time before",
        ),
        (
            replace(FAILS, with_base=FAILS_THERE),
            "changed, and whether the test measures less is not known: cannot import name 'cost' from 'shop', and the "
            "head fails (keep the old names and parameters, too, until the next pull request, or compare both versions "
            "of the test: git diff main... -- tests/test_shop.py)",
        ),
        (
            replace(FAILS, with_base=FAILS_THERE, renamed={"price": "cost", "shop": "store"}),
            "changed by names only, which the pull request changes in the code as well: price -> cost, shop -> store",
        ),
    ],
    ids=["less", "less with the head's code", "other code", "unknown", "renamed"],
)
def test_a_changed_test_is_told_with_the_code_that_shows_the_change(changed: ChangedTest, said: str) -> None:
    assert text(changed) == said
