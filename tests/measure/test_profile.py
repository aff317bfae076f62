"""Where the time of one call goes."""

from __future__ import annotations

import asyncio
import cProfile
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from types import ModuleType

import pytest
from scripting import ScriptedClock

from pytest_perfbudget.core.cost_graph import FunctionCost, calmest
from pytest_perfbudget.core.profiled_functions import ProfilerOverhead, cost_graph_of
from pytest_perfbudget.core.recording import Counted
from pytest_perfbudget.measure import counting, profile
from pytest_perfbudget.measure.code_digest import code_digest
from pytest_perfbudget.measure.counting import count_executions
from pytest_perfbudget.measure.function_names import name_of
from pytest_perfbudget.measure.probes import FunctionCalls
from pytest_perfbudget.measure.profile import call_graph, called_functions, profile_call, profiled_functions
from pytest_perfbudget.measure.profiler_overhead import profiler_overhead
from pytest_perfbudget.measure.runner import run_plain
from pytest_perfbudget.measure.subject import AsyncSubject, PlainSubject

CLOCK: list[int] = []
"""A clock that shows its own length, in us: a built-in function, `extend`, makes time pass."""


@pytest.fixture
def scripted_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the profiler read `CLOCK`, by which it has no overhead."""
    monkeypatch.setattr("cProfile.Profile", partial(cProfile.Profile, CLOCK.__len__, 1e-6))


def takes_200_us() -> None:
    CLOCK.extend(range(200))


def takes_350_us() -> None:
    takes_200_us()
    CLOCK.extend(range(150))


def adds(numbers: range) -> int:
    return sum(numbers)


def adds_more() -> int:
    return adds(range(200_000)) + sum(range(150_000))


def profiled(function: Callable[[], object], *, begins_threads: bool = False) -> FunctionCalls:
    probe = FunctionCalls(begins_threads=begins_threads)
    probe.start()
    function()
    probe.stop()
    return probe


CALMEST = 9
"""A stall of the machine falls into one profile or another, and not into each of so many."""


@pytest.mark.usefixtures("scripted_clock")
def test_a_built_in_function_is_listed_for_each_that_calls_it() -> None:
    rows = run_plain(profile_call(PlainSubject(takes_350_us))).rows
    callers = [tuple(row.function.partition(", from ")) for row in rows]
    extend = "method 'extend' of 'list' objects"
    assert callers == [(extend, ", from ", name_of(one.__code__)) for one in (takes_200_us, takes_350_us)]
    assert [row.calls for row in rows] == [1, 1]
    assert [row.share for row in rows] == pytest.approx([200 / 350, 150 / 350])


@pytest.mark.usefixtures("scripted_clock")
class TestInterruptions:
    """The scheduler gives the CPU to another process during most of the profiled calls."""

    @staticmethod
    def shares(stalls_us: Sequence[int], call_ns: float = 1e6) -> dict[str, float]:
        """Return the shares of functions in a profile whose calls stall in turn, the last stall again and again."""
        scripted, left = ScriptedClock(), iter([*stalls_us, *[stalls_us[-1]] * 50])

        def innocent() -> None:
            scripted.advance(call_ns)
            CLOCK.extend(range(100 + next(left)))

        def slow() -> None:
            CLOCK.extend(range(300))
            innocent()

        rows = run_plain(profile_call(PlainSubject(slow), scripted.clock)).rows
        return {row.function.rpartition(":")[2].rpartition(".")[2]: row.share for row in rows}

    @pytest.mark.parametrize("stalls_us", [[0], [4_000, 2_500, 0, 3_000], [3_000] * 19 + [0]])
    def test_a_call_that_was_interrupted_blames_no_innocent_function(self, stalls_us: Sequence[int]) -> None:
        assert self.shares(stalls_us) == pytest.approx({"slow": 0.75, "innocent": 0.25})

    def test_time_that_each_call_takes_is_no_interruption(self) -> None:
        assert self.shares([900]) == pytest.approx({"slow": 3 / 13, "innocent": 10 / 13})

    def test_a_long_call_is_profiled_once(self) -> None:
        assert self.shares([900, 0], call_ns=2e8) == pytest.approx({"slow": 3 / 13, "innocent": 10 / 13})

    def test_the_graph_of_a_comparison_is_of_the_quickest_call_as_well(self) -> None:
        left = iter([500] * 3 + [0] * 2_000)

        def slow() -> None:
            CLOCK.extend(range(100 + next(left)))

        clock = ScriptedClock(reading_ns=100_000).clock
        counted = run_plain(
            count_executions(PlainSubject(slow), {"calls": bool}, clock, with_costs=True, with_profiles=True)
        )
        assert counted.graph is not None
        assert counted.graph.total_ns == pytest.approx(100_000.0)
        assert {one.calls for one in counted.graph.edges} == {1}


@pytest.mark.usefixtures("scripted_clock")
@pytest.mark.parametrize("with_profiles", [True, False])
def test_a_short_body_is_profiled_further_only_if_asked(*, with_profiles: bool) -> None:
    """Most tests are clean, and nobody looks at their costs; the passes that count know them as well, less surely."""
    calls: list[None] = []

    def noted() -> None:
        calls.append(None)
        takes_200_us()

    clock = ScriptedClock(reading_ns=100_000).clock
    counted = run_plain(
        count_executions(PlainSubject(noted), {"calls": bool}, clock, with_costs=True, with_profiles=with_profiles)
    )
    assert counted.passes == {"calls": 2}
    assert (len(calls) > 2) == with_profiles
    assert counted.costs is not None


@pytest.mark.usefixtures("scripted_clock")
def test_a_profiled_call_knows_the_profilers_part_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "profiler_overhead", lambda **_: ProfilerOverhead(10e3, 5e3))
    graph = run_plain(profile_call(PlainSubject(takes_200_us))).graph
    assert graph is not None
    assert graph.overhead_ns == pytest.approx(2 * 15e3)  # of the function and of the built-in function that it calls


@pytest.mark.usefixtures("scripted_clock")
def test_the_overhead_that_is_taken_off_is_that_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the overhead of a second ago may be twice that of now, and more than the time of the code."""
    found = cycle([ProfilerOverhead(150e3, 0.0), ProfilerOverhead(10e3, 0.0)])  # before and after each profile
    monkeypatch.setattr(counting, "profiler_overhead", lambda **_: next(found))
    clock = ScriptedClock(reading_ns=100_000).clock
    counted = run_plain(
        count_executions(PlainSubject(takes_200_us), {"calls": bool}, clock, with_costs=True, with_profiles=True)
    )
    assert counted.costs is not None
    assert counted.costs.total_ns == pytest.approx(190_000.0)


def test_one_that_no_function_calls_stands_alone() -> None:
    rows = run_plain(profile_call(PlainSubject(sum, ((range(200_000),), {})))).rows
    assert ("built-in method builtins.sum", 1) in [(name, calls) for name, calls, _ in rows]


def costs(function: Callable[[], object], *, begins_threads: bool = False) -> dict[str, FunctionCost]:
    """Return the costs of the functions of this file by their names alone, of the calmest of some profiles."""
    probes = [profiled(function, begins_threads=begins_threads) for _ in range(CALMEST)]
    graphs = [cost_graph_of(profiled_functions(one)) for one in probes]
    return {name.rpartition(":")[2]: one for name, one in calmest(graphs).functions.items()}


@pytest.mark.usefixtures("scripted_clock")
def test_the_cost_of_a_function_is_its_own_and_that_of_the_libraries_that_it_calls() -> None:
    found = costs(takes_350_us)
    assert {name: one.own_ns for name, one in found.items()} == pytest.approx(
        {"": 0.0, "takes_200_us": 200_000.0, "takes_350_us": 150_000.0}
    )
    assert found["takes_350_us"].callees == {name_of(takes_200_us.__code__): 1.0}
    ((called, cost),) = found["takes_200_us"].library.items()
    assert called == "method 'extend' of 'list' objects"
    assert cost.calls == 1.0
    assert cost.time_ns == pytest.approx(200_000.0)


def adds_in_turn() -> int:
    return sum([sum(range(one)) for one in range(300)]) + sum(one * one for one in range(30_000))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="code has no qualified name before Python 3.11")
def test_a_comprehension_is_part_of_its_function() -> None:
    found = costs(adds_in_turn)
    assert set(found) == {"", "adds_in_turn"}
    assert found["adds_in_turn"].calls == 1


def test_a_function_has_the_digest_of_its_code() -> None:
    """By which both sides of a comparison tell whether the function is the same."""
    digest = f"{code_digest(takes_200_us.__code__):06x}"
    assert costs(takes_200_us)["takes_200_us"].code == digest


def test_of_equal_passes_the_warm_one_is_kept() -> None:
    def cold() -> None: ...

    def warm() -> None: ...

    passes = iter([cold, warm])

    def warms_up() -> None:
        next(passes)()

    recording = run_plain(count_executions(PlainSubject(warms_up), {"calls": bool}))
    called = {name.rpartition(".")[2].rpartition(":")[2] for name in recording.functions}
    assert "warm" in called
    assert "cold" not in called


def test_a_coroutine_has_its_functions_and_the_time_for_which_the_loop_waits() -> None:
    async def fetches() -> int:
        await asyncio.sleep(0.005)
        return adds(range(1_000))

    async def counted() -> Counted:
        return await count_executions(AsyncSubject(fetches), {"calls": bool}, with_costs=True, with_profiles=True)

    found = asyncio.run(counted()).costs
    assert found is not None
    functions = {name.rpartition(".")[2].rpartition(":")[2]: one for name, one in found.functions.items()}
    assert functions["fetches"].callees == {name_of(adds.__code__): 1.0}
    assert functions["fetches"].own_ns > 2e6
    assert functions["fetches"].library["asyncio.tasks:sleep"].time_ns > 2e6


def test_a_library_of_pythons_own_is_no_function_of_the_project() -> None:
    found = costs(lambda: re.sub("a+", "b", "aaa" * 1000))
    (name,) = [one for one in found if one]
    assert "lambda" in name
    assert "re:sub" in found[name].library


def counts_down(number: int) -> int:
    return adds(range(3_000)) + counts_down(number - 1) if number else 0


def waits() -> None:
    time.sleep(0.002)


def starts_threads() -> None:
    threads = [threading.Thread(target=waits) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


class TestThreads:
    """From Python 3.12 on cProfile sees all threads, and takes their calls for those of a single one."""

    def test_a_function_that_runs_in_threads_has_the_time_that_is_waited_for_them(self) -> None:
        found = costs(starts_threads, begins_threads=True)
        assert set(found) == {"", "starts_threads", "waits"}
        assert found["starts_threads"].callees == {name_of(waits.__code__): pytest.approx(2.0)}
        assert found["waits"].own_ns > 0.95 * 2e6  # both sleep at the same time, less the granularity of the clocks

    def test_a_thread_that_outlives_the_call_is_not_profiled_any_longer(self) -> None:
        """A pool that a project keeps would be slower for the rest of the session."""
        go_on, found = threading.Event(), []

        def outlives() -> None:
            go_on.wait()
            found.append(sys.getprofile())

        thread = threading.Thread(target=outlives)
        probe = profiled(thread.start)
        go_on.set()
        thread.join()
        assert found == [None]
        assert threading.getprofile() is None
        assert not any(name_of(callee).endswith("outlives") for _, callee in probe.threads.calls)

    def test_calls_in_threads_do_not_count(self) -> None:
        """Or a budget on calls would depend on when a thread runs, and on the version of Python."""
        counted = run_plain(
            count_executions(PlainSubject(starts_threads), {"calls": bool}, with_costs=True, with_profiles=True)
        )
        assert not any(name.endswith(":waits") for name in counted.functions)
        assert counted.costs is not None
        (waiting,) = (one for name, one in counted.costs.functions.items() if name.endswith(":waits"))
        assert waiting.calls == pytest.approx(2.0)

    def test_the_calls_of_several_executions_add_up_beside_another_thread(self) -> None:
        """The profile of each execution begins anew there."""
        is_over = threading.Event()
        thread = threading.Thread(target=is_over.wait)
        thread.start()
        try:
            probe = FunctionCalls()
            for _ in range(3):
                run_plain(PlainSubject(adds_more).once(probe))
        finally:
            is_over.set()
            thread.join()
        assert (probe.executions, probe.count) == (3, 3 * 4)
        assert called_functions(probe)[name_of(adds.__code__)] == 3
        graph = cost_graph_of(profiled_functions(probe), probe.executions)
        found = {name.rpartition(":")[2]: one.calls for name, one in graph.functions.items()}
        assert found == {"": 1.0, "adds": 1.0, "adds_more": 1.0}

    def test_nor_do_calls_in_a_thread_that_runs_before(self) -> None:
        go_on, is_over = threading.Event(), threading.Event()

        def runs_meanwhile() -> None:
            while not is_over.is_set():
                adds(range(10))
                go_on.set()

        def calls() -> int:
            go_on.clear()
            go_on.wait()
            return counts_down(50)

        thread = threading.Thread(target=runs_meanwhile)
        thread.start()
        try:
            found = called_functions(profiled(calls))
        finally:
            is_over.set()
            thread.join()
        assert not any(name.endswith("runs_meanwhile") for name in found)
        assert found[name_of(counts_down.__code__)] == 51
        assert found[name_of(adds.__code__)] == 50


# The real overhead varies while other programs have the CPU.
@pytest.mark.flaky(reruns=2)
@pytest.mark.parametrize("begins_threads", [False, True])
def test_the_time_of_the_profiler_is_taken_off(*, begins_threads: bool) -> None:
    """By calls that do nothing, whose profiled time is nearly all the profiler's."""

    def nothing() -> None: ...

    def calls() -> None:
        for _ in range(5_000):
            nothing()

    probes = [profiled(calls, begins_threads=begins_threads) for _ in range(CALMEST)]
    overhead = profiler_overhead(is_kept_to_thread=probes[0].is_kept_to_thread)
    raw = min(cost_graph_of(profiled_functions(one)).total_ns for one in probes)
    corrected = min(cost_graph_of(profiled_functions(one, overhead)).total_ns for one in probes)
    assert corrected < 0.7 * raw


class TestNames:
    """The name of a function is that of its module with the whole package, however the project is installed."""

    def test_a_package_that_an_import_hook_finds(self, tmp_path: Path) -> None:
        """As an editable installation does, without an entry on `sys.path`."""
        package = tmp_path / "src" / "yarn"
        (package / "spun").mkdir(parents=True)
        for folder in (package, package / "spun"):
            (folder / "__init__.py").touch()
        for file, module in (("_url.py", "yarn._url"), ("spun/_url.py", "yarn.spun._url"), ("__init__.py", "yarn")):
            assert name_of(compile("", str(package / file), "exec")) == f"{module}:<module>"

    @pytest.mark.parametrize("module", ["yarn._url", "thread.yarn._url"])
    def test_a_folder_of_sys_path_above_the_package_is_no_part_of_the_name(
        self, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`python -m pytest` and a conftest.py there add the root folder; `thread` is a namespace package."""
        file = str(tmp_path.joinpath("src", *module.split("."))) + ".py"
        found = ModuleType(module)
        found.__file__ = file
        monkeypatch.setitem(sys.modules, module, found)
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
        assert name_of(compile("", file, "exec")) == f"{module}:<module>"

    @pytest.mark.parametrize("folder", ["site-packages", "dist-packages"])
    def test_an_installed_package_has_no_function_of_the_project(self, folder: str) -> None:
        names: dict[str, Callable[[], object]] = {}
        exec(compile("def adds(): return sum(range(99))", f"/usr/lib/python3/{folder}/yarn.py", "exec"), names)
        assert not call_graph(profiled(names["adds"])).files

    def test_a_file_of_no_package_is_a_module_of_its_own(self, tmp_path: Path) -> None:
        assert name_of(compile("", str(tmp_path / "script.py"), "exec")) == "script:<module>"

    @pytest.mark.parametrize(
        ("file", "module"), [("", "<generated>"), ("<generated by cattle>", "<generated by cattle>")]
    )
    def test_generated_code_has_no_file_of_its_own(self, file: str, module: str) -> None:
        """Libraries that write functions, such as converters, compile them without the name of a file."""
        names: dict[str, Callable[[], object]] = {}
        exec(compile("def adds(): return sum(range(99_999))", file, "exec"), names)
        rows = run_plain(profile_call(PlainSubject(names["adds"]))).rows
        assert rows[0].function == f"built-in method builtins.sum, from {module}:adds"


class TestCallGraph:
    def test_it_has_who_calls_whom_and_how_often(self) -> None:
        graph = call_graph(profiled(adds_more))
        short = {(one.caller.rpartition(":")[2], one.callee.rpartition(":")[2]): one for one in graph.edges}
        built_in = "built-in method builtins.sum"
        assert set(short) == {("", "adds_more"), ("adds_more", "adds"), ("adds", built_in), ("adds_more", built_in)}
        assert all(one.calls == 1 for one in short.values())
        assert short["", "adds_more"].time_ns == graph.total_ns > short["adds_more", "adds"].time_ns

    def test_the_time_of_a_recursion_is_that_of_its_outermost_call(self) -> None:
        graph = call_graph(profiled(lambda: counts_down(50)))
        (into,) = [one for one in graph.edges if one.callee.endswith(":counts_down") and "lambda" in one.caller]
        (again,) = [one for one in graph.edges if one.caller == one.callee]
        assert (into.calls, again.calls) == (1, 50)
        assert again.time_ns < into.time_ns <= graph.total_ns

    def test_functions_of_one_name_in_several_places_are_numbered(self, tmp_path: Path) -> None:
        """Such as two lambdas of a function; the second is no recursion of the first, which calls the second."""
        inner: Callable[[], int] = lambda: adds_more()  # noqa: E731, PLW0108 - the lines of two functions of one name
        outer: Callable[[], int] = lambda: inner()  # noqa: E731, PLW0108

        graph = call_graph(profiled(outer))
        calls = {(one.caller.rpartition(".")[2], one.callee.rpartition(".")[2]) for one in graph.edges}
        assert {("", "<lambda>#2"), ("<lambda>#2", "<lambda>")} <= calls
        assert ("<lambda>", "<lambda>") not in calls
        files = []
        for folder in ("a", "b"):
            files.append(tmp_path / folder / "script.py")
            files[-1].parent.mkdir()
            files[-1].write_text("def work(): return sum(range(1000))", "utf-8")
        works: list[Callable[[], int]] = []
        for file in files:
            found: dict[str, Callable[[], int]] = {}
            exec(compile(file.read_text("utf-8"), file, "exec"), found)
            works.append(found["work"])
        graph = call_graph(profiled(lambda: [work() for work in works]))
        named = {name: file for name, file in graph.files.items() if "script:work" in name}
        assert named == {"script:work": str(files[0]), "script:work#2": str(files[1])}

    def test_the_profile_of_a_call_has_it(self) -> None:
        graph = run_plain(profile_call(PlainSubject(adds_more))).graph
        assert graph is not None
        assert any(one.callee.endswith(":adds") for one in graph.edges)

    def test_it_has_the_files_of_the_projects_functions(self) -> None:
        graph = call_graph(profiled(adds_more))
        assert {name.rpartition(":")[2]: file for name, file in graph.files.items()} == {
            "adds_more": __file__,
            "adds": __file__,
        }
