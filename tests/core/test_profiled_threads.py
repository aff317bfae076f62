"""The threads of a profiled call: what they do takes the place of the time for which the call waits for them."""

from __future__ import annotations

import pytest

from pytest_perfbudget.core.profiled_functions import ProfiledCall, ProfiledFunction, cost_graph_of
from pytest_perfbudget.core.profiled_threads import with_threads

WAIT = "method 'acquire' of '_thread.lock' objects"


def waiting(wait: str = WAIT, waited_ns: float = 800) -> dict[str, ProfiledFunction]:
    """Return the profile of a function that takes 200 ns itself, and waits."""
    call = ProfiledCall(2, waited_ns, waited_ns)
    return {
        "web:all": ProfiledFunction(
            is_library=False, calls=1, own_ns=200, total_ns=200 + waited_ns, callees={wait: call}
        ),
        wait: ProfiledFunction(is_library=True, calls=2, own_ns=waited_ns, total_ns=waited_ns),
    }


def threads(each_ns: float) -> dict[str, ProfiledFunction]:
    """Return the functions of four threads, each of which calls `web:work` from a library."""
    work = ProfiledCall(4, 4 * each_ns, 4 * each_ns)
    return {
        "threading:run": ProfiledFunction(is_library=True, calls=4, total_ns=4 * each_ns, callees={"web:work": work}),
        "web:work": ProfiledFunction(is_library=False, calls=4, own_ns=4 * each_ns, total_ns=4 * each_ns),
    }


ROOTS = {"threading:run": ProfiledCall(4, 0, 1)}


def test_the_function_that_waits_calls_the_functions_of_the_threads() -> None:
    """The threads run at the same time, so that four times 200 ns took the 800 ns of the wait, or less."""
    graph = cost_graph_of(with_threads(waiting(), threads(800), ROOTS))
    assert graph.functions["web:all"].callees == {"web:work": pytest.approx(4.0)}
    assert graph.functions["web:all"].own_ns == pytest.approx(200)
    assert graph.functions["web:work"].own_ns == pytest.approx(800)


def test_the_rest_of_the_wait_is_the_callers_own() -> None:
    graph = cost_graph_of(with_threads(waiting(), threads(100), ROOTS))
    assert graph.functions["web:all"].own_ns == pytest.approx(200 + 400)
    assert graph.functions["web:work"].own_ns == pytest.approx(400)


@pytest.mark.parametrize("profile", [waiting("method 'get' of 'dict' objects"), waiting(waited_ns=0)])
def test_a_call_that_does_not_wait_has_no_threads(profile: dict[str, ProfiledFunction]) -> None:
    assert with_threads(profile, threads(100), ROOTS) == profile


def test_without_threads_a_wait_stays_a_wait() -> None:
    assert with_threads(waiting(), {}, {}) == waiting()


def test_a_library_by_which_threads_wait_as_well_divides_no_calls_among_them() -> None:
    """Of a queue between two threads: `web:all` calls `web:work` once, however long each of them waits."""
    for waited_ns in (100.0, 700.0):
        get = ProfiledCall(2, 0, 800)
        taken = ProfiledCall(2, 800, 800)
        profile = {
            "web:all": ProfiledFunction(
                is_library=False, calls=1, own_ns=200, total_ns=1000, callees={"queue:get": get}
            ),
            "queue:get": ProfiledFunction(is_library=True, calls=2, total_ns=800, callees={WAIT: taken}),
            WAIT: ProfiledFunction(is_library=True, calls=2, own_ns=800, total_ns=800),
        }
        inner = ProfiledCall(2, waited_ns, waited_ns)
        working = ProfiledFunction(
            is_library=False,
            calls=1,
            own_ns=500,
            total_ns=500 + waited_ns,
            callees={"queue:get": ProfiledCall(2, 0, waited_ns)},
        )
        beside = {
            "web:work": working,
            "queue:get": ProfiledFunction(is_library=True, calls=2, total_ns=waited_ns, callees={WAIT: inner}),
            WAIT: ProfiledFunction(is_library=True, calls=2, own_ns=waited_ns, total_ns=waited_ns),
        }
        found = cost_graph_of(with_threads(profile, beside, {"web:work": ProfiledCall(1, 500, 500 + waited_ns)}))
        assert found.functions["web:all"].callees == {"web:work": pytest.approx(1.0)}
        assert found.functions["web:work"].callees == {}
        assert found.total_ns == pytest.approx(1000, rel=0.01)
