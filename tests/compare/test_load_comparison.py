"""A load compared with another commit or the baseline; the requests take real time, one side three times as much."""

from __future__ import annotations

import socket

import pytest
from programs import FEW_RUNS, SEQUENTIAL
from repositories import Repository
from scripting import TWO_WORKERS, Project, times

pytestmark = pytest.mark.usefixtures("brief")

SERVICE = "import time\ndef answer(): time.sleep({})\nasync def reply(): answer()\n"
CLOSED = "import service\ndef test_it(perf_load): perf_load(service.answer, users=2, requests={})\n"
OPEN = "import service\ndef test_it(perf_load): perf_load(service.answer, rate={}, duration='600ms')\n"
ASYNC = """
import asyncio, service
def test_it(perf_load):
    async def main(): await perf_load(service.reply, users=1, requests=10)
    asyncio.run(main())
"""
TRIO = """
import service, trio
def test_it(perf_load):
    async def main(): await perf_load(service.reply, users=1, requests=10)
    trio.run(main)
"""


@pytest.mark.parametrize(("arguments", "pyproject"), [(TWO_WORKERS, ""), ((), SEQUENTIAL)], ids=["n2", "sequential"])
def test_a_slower_service_fails(repository: Repository, arguments: tuple[str, ...], pyproject: str) -> None:
    repository.commit({"service.py": SERVICE.format(0.001)}, tests=CLOSED.format(10))
    repository.file("service.py", SERVICE.format(0.003))
    result = repository.against_base(*arguments, pyproject=pyproject)
    result.assert_outcomes(failed=1)
    assert times(repository) == {"test_it answer": "regressed"}
    result.stdout.fnmatch_lines(["answer: * times slower than HEAD (95 % interval *"])


@pytest.mark.parametrize(
    "tests",
    [
        pytest.param(OPEN.format(50), id="open"),
        pytest.param(ASYNC, id="asyncio"),
        pytest.param(TRIO, id="trio", marks=pytest.mark.slow),
    ],
)
def test_a_slower_service_fails_in_every_model(repository: Repository, tests: str) -> None:
    repository.commit({"service.py": SERVICE.format(0.004)}, tests=tests)
    repository.file("service.py", SERVICE.format(0.012))
    repository.against_base().assert_outcomes(failed=1)
    assert set(times(repository).values()) == {"regressed"}


def test_a_service_that_is_as_fast_passes(repository: Repository) -> None:
    repository.commit({"service.py": SERVICE.format(0.002)}, tests=CLOSED.format(10))
    result = repository.against_base()
    result.assert_outcomes(passed=1)
    assert not {"regressed", "unmeasured", "new"} & set(times(repository).values())


def test_another_load_is_not_compared_until_it_has_a_name(repository: Repository) -> None:
    repository.commit({"service.py": SERVICE.format(0.001)}, tests=CLOSED.format(10))
    result = repository.against_base(tests=CLOSED.format(12))
    result.assert_outcomes(failed=1)
    assert times(repository) == {"test_it answer": "unmeasured"}
    result.stdout.fnmatch_lines(
        ["*another load than in HEAD: 12 requests each instead of 10 requests each (harder): give *name=*"]
    )
    named = CLOSED.format("12, name='more'")
    repository.against_base(tests=named).assert_outcomes(passed=1)
    assert times(repository)["test_it more"] == "new"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["together", "sequential"])
def test_a_reviewer_accepts_another_load(repository: Repository, mode: str) -> None:
    """The gate of a pull request with the label has `--perf-policy=head`."""
    repository.file("pyproject.toml", f"[tool.perfbudget.duet]\nmode = '{mode}'\n")
    repository.commit({"service.py": SERVICE.format(0.001)}, tests=CLOSED.format(10))
    refused = repository.against_base("--perf-policy=base", "--perf-accept-label=ok", tests=CLOSED.format(12))
    refused.assert_outcomes(failed=1)
    refused.stdout.fnmatch_lines(["*another load than in HEAD: *, or let a reviewer accept the load by the label ok"])
    repository.against_base("--perf-policy=head").assert_outcomes(passed=1)
    assert times(repository) == {"test_it answer": "new"}


@pytest.mark.slow
def test_a_load_that_a_reviewer_accepts_still_keeps_its_limits(repository: Repository) -> None:
    repository.commit({"service.py": SERVICE.format(0.001)}, tests=CLOSED.format(10))
    broken = CLOSED.format("12, max_ms=0.5")
    repository.against_base("--perf-policy=head", tests=broken).assert_outcomes(failed=1)


def test_a_load_whose_rate_changes_is_held_to_its_limits_only(repository: Repository) -> None:
    stages = (
        "import service\ndef test_it(perf_load): perf_load(service.answer, stages=[(50, '200ms'), (80, '100ms')])\n"
    )
    other = "def test_other(perf): perf(len, 'x')\n"
    repository.commit({"service.py": SERVICE.format(0.001)}, tests=stages + other)
    repository.file("service.py", SERVICE.format(0.003))
    result = repository.against_base("-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*not compared with HEAD*because its rate changes (give rate= or users= *"])


def test_a_load_that_is_not_answered_is_unmeasured(repository: Repository) -> None:
    """The limit allows the errors."""
    fails = CLOSED.replace("requests={}", "requests=5, max_error_rate=1")
    broken = "def answer(): raise ConnectionRefusedError\n"
    repository.commit({"service.py": broken}, tests=fails)
    repository.against_base().assert_outcomes(failed=1)
    assert times(repository) == {"test_it answer": "unmeasured"}


class TestBaseline:
    """The line of a load holds its parameters."""

    def test_a_slower_service_fails(self, lean: Project) -> None:
        tests = "import time\ndef answer(): time.sleep({})\n" + CLOSED.replace("import service\n", "").replace(
            "service.answer", "answer"
        )
        before, after = tests.replace("requests={}", "requests=20"), tests.replace("requests={}", "requests=20")
        lean.run(before.format(0.001), "--perf-update-baseline", pyproject=FEW_RUNS)
        line = (lean.pytester.path / "perf-baseline.json").read_text("utf-8")
        assert '"load": "2 users, 20 requests each, warm-up 0 s, timeout 30 s, without user="' in line
        lean.run(before.format(0.001)).assert_outcomes(passed=1)
        assert times(lean)["test_it answer"] != "new"
        lean.run(after.format(0.004)).assert_outcomes(failed=1)
        assert times(lean) == {"test_it answer": "regressed"}

    def test_another_load_is_foreign_until_the_baseline_is_updated(self, lean: Project) -> None:
        tests = "import time\ndef answer(): time.sleep(0.001)\ndef test_it(perf_load): perf_load(answer, users={}, requests=9)\n"
        lean.run(tests.format(1), "--perf-update-baseline", pyproject=FEW_RUNS)
        result = lean.run(tests.format(2))
        result.assert_outcomes(passed=1)
        assert times(lean) == {"test_it answer": "foreign"}
        lean.run(tests.format(2), "--perf-update-baseline", "--perf-reason", "more users")
        lean.run(tests.format(2))
        assert times(lean)["test_it answer"] != "foreign"

    def test_an_easier_load_needs_a_reason(self, lean: Project) -> None:
        tests = "import time\ndef answer(): time.sleep(0.001)\ndef test_it(perf_load): perf_load(answer, users=2, requests={})\n"
        lean.run(tests.format(9), "--perf-update-baseline", pyproject=FEW_RUNS)
        easier = tests.format("9, warm_up='10ms'")
        result = lean.run(easier)
        result.assert_outcomes(passed=1)
        told = "foreign: *test_it answer: another load than in the baseline: warm-up 0.01 s instead of warm-up 0 s (easier)"
        result.stdout.fnmatch_lines([f"{told}: an update of the baseline needs --perf-reason"])
        result = lean.run(easier, "--perf-strict")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            ["Restore the load, or accept the other load: *--perf-reason 'why the load differs' *"]
        )
        result = lean.run(easier, "--perf-update-baseline")
        assert result.ret == 1
        result.stdout.fnmatch_lines(
            ["*test_it answer *load *warm-up 0 s *warm-up 0.01 s *easier (kept)", "to accept *"]
        )
        assert lean.run(easier, "--perf-update-baseline", "--perf-reason", "a cold cache").ret == 0
        lean.run(easier)
        assert times(lean)["test_it answer"] != "foreign"


@pytest.mark.parametrize("model", ["users=2, requests=10", "rate=50, duration='400ms'"], ids=["closed", "open"])
def test_a_test_may_look_at_the_result_on_both_sides(repository: Repository, model: str) -> None:
    tests = f"""
import service
def test_it(perf_load):
    result = perf_load(service.answer, {model})
    assert result.requests >= 10 and not result.failures
    assert result.latency_ms["median"] >= 1
"""
    repository.commit({"service.py": SERVICE.format(0.002)}, tests=tests)
    repository.against_base().assert_outcomes(passed=1)
    assert not {"regressed", "unmeasured"} & set(times(repository).values())


FAILING = """
import os, time
FRESH, IS_BASE = os.environ.get("PERFBUDGET_FRESH") == "1", {is_base}
numbers = iter(range(10**9))
def answer():
    time.sleep(0.001)
    if FRESH and not IS_BASE and (next(numbers) - 60) % {of} < {failing}:
        raise ConnectionError("the service is down")
"""


def failing_service(failing: int, *, is_base: bool, of: int = 10) -> str:
    """Return a service that fails some of ten, or of another number of, requests in fresh processes of a head."""
    return FAILING.format(failing=failing, is_base=is_base, of=of)


ONCE = """
import pytest, socket
@pytest.fixture
def port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", {port}))
        yield
"""


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


class TestErrors:
    """Errors in the processes of a comparison are errors of the head."""

    TESTS = "import service\ndef test_it(perf_load): perf_load(service.answer, users=2, requests=20{})\n"

    def committed(self, repository: Repository, limit: str, failing: int) -> None:
        tests = self.TESTS.format(f", {limit}" if limit else "")
        repository.commit({"service.py": failing_service(failing, is_base=True)}, tests=tests)
        repository.file("service.py", failing_service(failing, is_base=False))

    @pytest.mark.parametrize(
        ("limit", "pyproject"),
        [("", ""), ("max_error_rate=0.5", ""), ("min_success_rate=0.5", SEQUENTIAL)],
        ids=["no limit", "together", "sequential"],
    )
    def test_a_head_that_fails_there_exceeds_its_limit(
        self, repository: Repository, limit: str, pyproject: str
    ) -> None:
        self.committed(repository, limit, 7)
        result = repository.against_base(pyproject=pyproject)
        result.assert_outcomes(failed=1)
        metric = "success_rate" if "success" in limit else "error_rate"
        assert repository.verdicts()[f"test_it answer {metric}"] == "exceeded"
        result.stdout.fnmatch_lines(
            [
                "  the errors are those in the fresh processes of the comparison, and not in the session's own load",
                "  * x ConnectionError: the service is down (*",
            ]
        )

    def test_errors_within_the_limit_fail_nothing(self, repository: Repository) -> None:
        self.committed(repository, "max_error_rate=0.5", 1)
        repository.against_base().assert_outcomes(passed=1)

    def test_a_single_error_in_one_of_many_processes_is_no_failure_of_the_head(self, repository: Repository) -> None:
        """The 61st request of each process fails: without a limit, the head has to fail more often than the base."""
        tests = self.TESTS.format("")
        repository.commit({"service.py": failing_service(1, is_base=True, of=10**9)}, tests=tests)
        repository.file("service.py", failing_service(1, is_base=False, of=10**9))
        result = repository.against_base()
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(
            [
                "note: *in the fresh processes of the comparison, 1 of * requests failed (1 x ConnectionError: the service "
                "is down): no more often than chance allows beside HEAD, where 0 of * failed"
            ]
        )

    def test_so_does_one_that_is_measured_after_the_last_test(self, repository: Repository) -> None:
        """The test has been reported by then, so a second report fails it."""
        tests = ONCE.format(port=free_port()) + self.TESTS.format("").replace("(perf_load)", "(port, perf_load)")
        repository.commit({"service.py": failing_service(9, is_base=True)}, tests=tests)
        repository.file("service.py", failing_service(9, is_base=False))
        result = repository.against_base()
        assert result.ret == 1
        result.stdout.fnmatch_lines(["*requests of * failed, and no error is allowed"])
        assert repository.verdicts()["test_it answer error_rate"] == "exceeded"

    def test_a_base_that_fails_is_said(self, repository: Repository) -> None:
        tests = self.TESTS.format("")
        repository.commit({"service.py": failing_service(9, is_base=False)}, tests=tests)
        repository.file("service.py", failing_service(9, is_base=True))
        result = repository.against_base()
        result.stdout.fnmatch_lines(["note: *compared with a service that fails: in the processes of HEAD, * failed *"])

    @pytest.mark.parametrize("failing", [0, 9])
    def test_a_load_with_errors_makes_no_line_of_the_baseline(self, lean: Project, failing: int) -> None:
        lean.file("service.py", failing_service(failing, is_base=False))
        result = lean.run(self.TESTS.format(""), "--perf-update-baseline", pyproject=FEW_RUNS)
        assert (lean.pytester.path / "perf-baseline.json").exists() is (failing == 0)
        told = "*answer: 72 of 80 requests failed (72 x ConnectionError: the service is down) in fresh processes, *"
        result.stdout.fnmatch_lines([told] if failing else [])
