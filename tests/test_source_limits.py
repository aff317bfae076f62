"""The limits in the text of a test file, which is not run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.config.source_limits import TestLimits, limits_in
from pytest_perfbudget.core.limits import Limits

FILE = """
import pytest
LIMIT_MS = 20
SLOW = {"p95_ms": LIMIT_MS * 2}
pytestmark = [pytest.mark.slow, pytest.mark.perf_budget(p99_ms=900)]

@pytest.mark.perf_budget(p95_ms=LIMIT_MS, max_regression="10%")
@pytest.mark.perf_budget("step", max_calls=2 * 50)
async def test_body(): pass

class TestShop:
    pytestmark = pytest.mark.perf_budget(mean_ms=3)

    def test_calls(self, perf):
        perf(price, 1, p95_ms=5)
        for number in range(3):
            perf(shop.price, number, p95_us=7_000)
        with perf.timer("block", max_ms=-1): pass
        assert other(price, p95_ms=1)

@pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.perf_budget(p95_ms=9))])
def test_cases(n, perf):
    perf(price, n, peak_mb=here(), **SLOW)
"""


def budgets(limits: Limits) -> dict[str, float]:
    return {one.keyword: one.limit for one in limits.budgets}


def read(test: str, name: str = "", *, is_body: bool = False) -> list[dict[str, float]]:
    return [budgets(one) for one in limits_in(FILE, "a.py")[test].given(name, is_body=is_body)]


def test_markers_are_read_from_the_test_outwards() -> None:
    assert read("test_body") == [{"p95_ms": 2e7}, {"max_calls": 100.0}, {"p99_ms": 9e8}]
    first, second, _ = limits_in(FILE, "a.py")["test_body"].markers
    assert first.max_regression is not None
    assert (first.max_regression.share, second.name) == (0.1, "step")
    assert first.budgets[0].source == "perf_budget marker in a.py:7"
    assert read("test_body", "step", is_body=True) == [{"max_calls": 100.0}]


def test_a_call_is_found_by_the_name_that_its_measurement_has() -> None:
    shared = [{"mean_ms": 3e6}, {"p99_ms": 9e8}]
    assert read("TestShop::test_calls", "price") == [{"p95_ms": 5e6}, *shared]
    # A call in a loop makes several measurements.
    for name in ("price#2", "price#3", "price#4"):
        assert read("TestShop::test_calls", name) == [{"p95_us": 7e6}, *shared]
    assert read("TestShop::test_calls", "elsewhere") == shared


LOADS = """
USERS = 10
def test(perf_load):
    async def main():
        await perf_load(order, users=USERS, requests=20, p95_ms=50)
        await perf_load(pay, user=client, stages=[(50, "5s"), (500, "20s")], warm_up="1s")
    perf_load.locust("locust/shop.py", users=100, duration="30s", p95_ms=200)
    perf_load(browse, users=from_environment, requests=5)
    perf_load(search, **load)
    perf_load(impossible, users=10**400, rate=10**400, duration="1s")
    perf_load(endless, rate=10**400, duration="1s")
    perf_load.capacity(most, duration="30s", p95_ms=50)
    perf(order_once, max_ms=50)
"""


def test_the_load_of_a_call_is_read_if_the_text_has_all_its_parameters() -> None:
    test = limits_in(LOADS, "a.py")["test"]
    loads = {one.name: one.load for one in test.calls}
    assert {name: load for name, load in loads.items() if load} == {
        "order": "10 users, 20 requests each, warm-up 0 s, timeout 30 s, without user=",
        "pay": "0 to 50/s in 5 s, 50 to 500/s in 20 s, warm-up 1 s, timeout 30 s, with user=",
        "shop": "100 users, for 30 s, warm-up 0 s, timeout 30 s, without user=",
    }
    assert [*loads] == ["order", "pay", "shop", "browse", "search", "impossible", "endless", "most", "order_once"]
    order = test.call("order")
    assert order is not None
    assert (order.place, test.call("elsewhere")) == ("perf_load() in a.py:5", None)


def test_a_scenario_of_locust_has_the_name_of_its_file() -> None:
    test = limits_in(LOADS, "a.py")["test"]
    assert [budgets(one) for one in test.given("shop", is_body=False)] == [{"p95_ms": 2e8}]


def test_what_the_text_does_not_say_is_named() -> None:
    found = limits_in(FILE, "a.py")
    assert found["TestShop::test_calls"].unreadable == {"max_ms"}  # an impossible limit
    assert {"p95_ms", "peak_mb", "max_regression", "max_drift", "max_time", "spans"} <= found["test_cases"].unreadable
    assert found["test_body"].unreadable == frozenset()


@pytest.mark.parametrize("text", ["", "def test(:", "\0", "x = " + "(" * 500])
def test_a_text_that_is_no_python_has_no_tests(text: str) -> None:
    assert limits_in(text, "a.py") == {}


@given(st.text(alphabet="pertfbudgms_95=()@:'\n 1.*+[]{},", max_size=60))
def test_no_value_of_a_limit_raises(value: str) -> None:
    text = f"@pytest.mark.perf_budget(p95_ms={value})\ndef test(perf):\n    perf(f, p95_ms={value})\n"
    assert all(isinstance(one, TestLimits) for one in limits_in(text, "a.py").values())
