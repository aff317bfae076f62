"""mode = "sequential": one process after the other, before any fixture is set up."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

import pytest
from programs import FASTER_MS, SEQUENTIAL, shop, shop_tests, tracked_shop
from repositories import Repository
from scripting import BENCHMARK, TWO_WORKERS, times

from pytest_perfbudget.compare.paired import PairedComparison
from pytest_perfbudget.compare.sequential import SequentialComparison

EXCLUSIVE = """
import os
import shop

@pytest.fixture(scope="session")
def port():
    place = os.path.join(os.environ["PORTS"], "taken")
    os.mkdir(place)
    yield
    os.rmdir(place)

def test_server(port, perf):
    perf(shop.work)
"""


@pytest.fixture
def exclusive(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A test whose fixture can live once at a time."""
    ports = repository.pytester.path.parent / "ports"
    ports.mkdir(exist_ok=True)
    monkeypatch.setenv("PORTS", str(ports))
    repository.commit(tests=EXCLUSIVE)
    return repository


@pytest.mark.usefixtures("brief")
class TestLate:
    """Side by side, a test whose fixture cannot exist twice is measured after the last test, by itself."""

    def test_code_that_is_as_fast_passes(self, exclusive: Repository) -> None:
        result = exclusive.against_base()
        result.assert_outcomes(passed=1)
        assert result.ret == pytest.ExitCode.OK
        assert times(exclusive) == {"test_server work": "unchanged"}
        result.stdout.fnmatch_lines(
            ["note: test_it.py::test_server work: could not be compared beside the session, so it was *"]
        )

    def test_slower_code_fails_the_session_of_several_workers(self, exclusive: Repository) -> None:
        exclusive.commit({"shop.py": tracked_shop()}, tests=EXCLUSIVE)
        exclusive.file("shop.py", tracked_shop(1.35))
        result = exclusive.against_base(*TWO_WORKERS)
        result.assert_outcomes(passed=1, failed=1)  # the test has been reported before it is compared
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert times(exclusive) == {"test_server work": "regressed"}
        result.stdout.fnmatch_lines(
            [
                "work: 10.0 % slower than HEAD (95 % interval *",
                "  Components that moved since HEAD, by the spans of a typical execution:",
                "    jwt *1.00 ms -> 1.35 ms *+350 us [[]+3?? us, +3?? us]  CPU",
                "Make the code faster, or allow more: *",
                "FAILED test_it.py::test_server - Failed: work: 10.0 % slower than HEAD*",
            ]
        )

    @pytest.mark.parametrize(("workers", "slow"), [((), 1), (TWO_WORKERS, 1.1)], ids=["clean", "slow, n2"])
    def test_a_body_that_holds_what_exists_once_is_measured_after_the_last_test(
        self, exclusive: Repository, workers: tuple[str, ...], slow: float
    ) -> None:
        """The bodies of head and base run at the same time, and the session's own is over."""
        body = """
import os
import shop
def test_server(perf):
    place = os.path.join(os.environ["PORTS"], "taken")
    os.mkdir(place)
    try: perf(shop.work)
    finally: os.rmdir(place)
"""
        exclusive.commit(tests=body)
        exclusive.file("shop.py", shop(slow))
        exclusive.against_base(*workers).assert_outcomes(passed=1, failed=int(slow > 1))
        assert times(exclusive) == {"test_server work": "regressed" if slow > 1 else "unchanged"}

    @pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
    def test_slower_code_fails_beside_pytest_benchmark(self, exclusive: Repository, workers: tuple[str, ...]) -> None:
        """Its hook looks at the test's fixtures, which are gone by then."""
        exclusive.file("shop.py", shop(1.1))
        result = exclusive.against_base(*BENCHMARK, *workers)
        result.assert_outcomes(passed=1, failed=1)
        assert result.ret == pytest.ExitCode.TESTS_FAILED

    def test_slower_code_fails_where_a_hook_of_the_suite_fails(self, exclusive: Repository) -> None:
        path = exclusive.pytester.path / "conftest.py"
        late = "def pytest_runtest_makereport(call): assert 'slower' not in str(call.excinfo)\n"
        path.write_text(path.read_text("utf-8") + late, "utf-8")
        exclusive.file("shop.py", shop(1.1))
        result = exclusive.against_base()
        result.assert_outcomes(passed=1, failed=1)
        assert result.ret == pytest.ExitCode.TESTS_FAILED

    def test_slower_code_is_a_failure_in_a_junit_file(self, exclusive: Repository) -> None:
        exclusive.file("shop.py", shop(1.1))
        exclusive.against_base("--junit-xml=junit.xml")
        cases = ET.parse(exclusive.pytester.path / "junit.xml").iter("testcase")
        assert [[one.tag for one in case] for case in cases] == [[], ["failure"]]

    def test_slower_code_of_a_test_that_is_expected_to_fail_fails_nothing(self, exclusive: Repository) -> None:
        exclusive.commit(tests=EXCLUSIVE.replace("def test_server", "@pytest.mark.xfail\ndef test_server"))
        exclusive.file("shop.py", shop(1.1))
        result = exclusive.against_base()
        result.assert_outcomes(xpassed=1, xfailed=1)
        assert result.ret == pytest.ExitCode.OK

    def test_slower_code_only_warns_with_that_gate(self, exclusive: Repository) -> None:
        exclusive.file("shop.py", shop(1.1))
        result = exclusive.against_base("--perf-gate=warn")
        result.assert_outcomes(passed=1)
        assert result.ret == pytest.ExitCode.OK
        result.stdout.fnmatch_lines(["test_it.py::test_server work: 10.0 % slower than HEAD (95 % interval *"])

    def test_a_test_that_fails_in_any_other_process_fails_the_session(self, repository: Repository) -> None:
        repository.commit(tests=shop_tests(call="assert not FRESH\nperf(shop.work)"))
        repository.file("shop.py", shop(FASTER_MS))
        result = repository.against_base("-k", "body or call")
        result.assert_outcomes(passed=2, failed=1, deselected=1)
        assert times(repository) == {"test_body": "improved", "test_call work": "unmeasured"}
        result.stdout.fnmatch_lines(["work: unmeasured: the test fails in a fresh process *"])


@pytest.mark.parametrize(("gate", "code"), [("fail", pytest.ExitCode.TESTS_FAILED), ("warn", pytest.ExitCode.OK)])
def test_a_late_comparison_that_never_comes_fails_the_session(
    exclusive: Repository, monkeypatch: pytest.MonkeyPatch, gate: str, code: pytest.ExitCode
) -> None:
    monkeypatch.setattr(PairedComparison, "finish", lambda _: {})
    result = exclusive.against_base(f"--perf-gate={gate}", "-k", "server")
    result.assert_outcomes(passed=1)
    assert result.ret == code
    result.stdout.fnmatch_lines(
        ["note: test_it.py::test_server: the comparison after the last test did not come to an end"]
    )


def test_a_late_comparison_has_its_share_of_the_sessions_error_rate(
    exclusive: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rate holds for a session: one of two tests has half of it."""
    given: list[float] = []
    original = SequentialComparison.measure

    def measure(self: SequentialComparison, nodeids: Iterable[str], alpha: float) -> None:
        given.append(alpha)
        original(self, nodeids, alpha)

    monkeypatch.setattr(SequentialComparison, "measure", measure)
    exclusive.commit(tests=EXCLUSIVE + "\ndef test_other(perf):\n    perf(shop.work)\n")
    exclusive.file("shop.py", shop(FASTER_MS))
    exclusive.against_base(pyproject="[tool.perfbudget]\nalpha = 0.001\n").assert_outcomes(passed=2)
    assert given == [0.0005]


def test_in_turns_a_test_whose_fixture_cannot_live_twice_is_measured(exclusive: Repository) -> None:
    """A test that only the base has is missing, as in the other mode."""
    exclusive.commit(tests=EXCLUSIVE + "\ndef test_gone(perf):\n    perf(shop.work)\n")
    result = exclusive.against_base(tests=EXCLUSIVE, pyproject=SEQUENTIAL)
    result.assert_outcomes(passed=1)
    assert times(exclusive) == {"test_server work": "unchanged"}
    result.stdout.fnmatch_lines(
        ["missing: *test_it.py::test_gone*: HEAD has this measurement, and no test collected here does"]
    )


def test_in_turns_slower_code_fails_and_names_the_component(exclusive: Repository) -> None:
    exclusive.commit({"shop.py": tracked_shop()}, tests=EXCLUSIVE)
    exclusive.file("shop.py", tracked_shop(1.35))
    result = exclusive.against_base(pyproject=SEQUENTIAL)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "work: 10.0 % slower than HEAD (95 % interval *",
            "* 8 fresh pairs of processes",
            "  Components that moved since HEAD, by the spans of a typical execution:",
            "    jwt *1.00 ms -> 1.35 ms *+350 us [[]+3?? us, +3?? us]  CPU",
        ]
    )


def test_a_test_that_ends_its_process_is_unmeasured_and_the_others_are_not(repository: Repository) -> None:
    """The base crashes here; later processes leave that test out."""
    tests = shop_tests(call='shop.crash()\nperf(shop.work, name="step")')
    repository.commit({"shop.py": shop(more="def crash():\n    if FRESH: os._exit(9)")}, tests=tests)
    repository.file("shop.py", shop(FASTER_MS, more="def crash(): pass"))
    result = repository.against_base("-k", "body or call", pyproject=SEQUENTIAL)
    assert times(repository) == {"test_body": "improved", "test_call step": "unmeasured"}
    result.stdout.fnmatch_lines(["step: unmeasured: the process of HEAD ended with exit code 9*"])


def test_a_base_whose_processes_all_die_leaves_every_test_unmeasured(repository: Repository) -> None:
    repository.commit({"shop.py": shop(at_import="if FRESH: os._exit(9)")})
    repository.file("shop.py", shop())
    result = repository.against_base(pyproject=SEQUENTIAL)
    assert set(times(repository).values()) == {"unmeasured"}
    result.stdout.fnmatch_lines(["loop: unmeasured: the process of HEAD ended with exit code 9*"])


def test_sequential_mode_is_refused_under_xdist(repository: Repository) -> None:
    result = repository.against_base("-p", "xdist.plugin", "-n", "1", pyproject=SEQUENTIAL)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: mode = 'sequential' of * measures in one process after the other: add -n 0"])
