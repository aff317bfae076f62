from __future__ import annotations

from pytest_perfbudget.core.culprits import gained_functions, grown_functions
from pytest_perfbudget.core.measurement import Recording
from pytest_perfbudget.core.results import Growth


def test_the_functions_that_are_called_more_often_are_named_the_costliest_first() -> None:
    before = {"verify": 1, "loads": 5, "len": 100}
    after = {"new": 3, "verify": 41, "len": 90, "loads": 6}
    found = grown_functions(before, after, 0)
    assert found == [Growth("new", 0, 3), Growth("verify", 1, 41), Growth("loads", 5, 6)]


def test_the_projects_own_functions_come_first() -> None:
    after = {"jwt.api:decode": 1, "hive.tokens:verify": 1}
    found = grown_functions({}, after, 0, own={"hive.tokens"})
    assert [one.function for one in found] == ["hive.tokens:verify", "jwt.api:decode"]


def test_of_a_profile_that_was_cut_short_nothing_is_made_up() -> None:
    found = grown_functions({"len": 100}, {"len": 100, "rare": 3, "often": 90}, unknown=7)
    assert found == [Growth("often", None, 90)]


def test_a_function_that_was_moved_is_the_one_it_was() -> None:
    """Or all of a module that was renamed would be called more often."""
    before = {"shop.parsing:parse": 1, "shop.parsing:line": 300, "shop.a:get": 1, "shop.b:get": 1}
    after = {"shop.reading:parse": 1, "shop.reading:line": 900, "shop.helper:noop": 300, "shop.c:get": 9}
    found = grown_functions(before, after, 0)
    assert found == [
        Growth("shop.reading:line", 300, 900),
        Growth("shop.helper:noop", 0, 300),
        Growth("shop.c:get", 0, 9),  # which of the two it was is not known
    ]


def profiled(calls: dict[str, int], **times_us: float) -> Recording:
    times = {name: 1e3 * time_us for name, time_us in times_us.items()}
    return Recording(functions=calls, times={"": sum(times.values()), **times})


class TestGainedFunctions:
    """Which functions of the project a slowdown is in, by profiled calls of both."""

    def test_those_that_take_longer_with_the_time_and_the_calls_of_each(self) -> None:
        before = [profiled({"parse": 1, "verify": 1}, parse=10, verify=50)]
        after = [profiled({"parse": 1, "verify": 41}, parse=10, verify=2000)]
        (found,) = gained_functions(before, after, slower_ns=1_900_000)
        assert found == Growth("verify", 1, 41, gained_ns=1_950_000, of_ns=1_950_000)

    def test_one_wild_profile_of_three_does_not_matter(self) -> None:
        calm, wild = profiled({"a": 1, "b": 1}, a=10, b=10), profiled({"a": 1, "b": 1}, a=900, b=10)
        slower = profiled({"a": 1, "b": 1}, a=10, b=30)
        found = gained_functions([calm, calm, calm], [slower, wild, slower], slower_ns=20_000)
        assert [one.function for one in found] == ["b"]

    def test_a_profile_that_shows_little_of_the_slowdown_explains_nothing(self) -> None:
        before, after = [profiled({"a": 1}, a=10)], [profiled({"a": 1}, a=11)]
        assert gained_functions(before, after, slower_ns=100_000) == []

    def test_one_that_was_moved_has_gained_what_it_takes_more(self) -> None:
        before = [Recording(functions={"a:parse": 1, "a:line": 9}, times={"": 60e3, "a:parse": 10e3, "a:line": 50e3})]
        after = [Recording(functions={"b:parse": 1, "b:line": 9}, times={"": 90e3, "b:parse": 10e3, "b:line": 80e3})]
        (found,) = gained_functions(before, after, slower_ns=30e3)
        assert found == Growth("b:line", 9, 9, gained_ns=30e3, of_ns=30e3)


def test_processes_that_did_not_profile_do_not_count() -> None:
    before, after = profiled({"a:work": 1}, **{"a:work": 10.0}), profiled({"a:work": 1}, **{"a:work": 20.0})
    found = gained_functions([before, Recording(), Recording()], [after, Recording(), Recording()], 1e4)
    assert found == gained_functions([before], [after], 1e4) != []
