"""The output of a repeated body is that of its first execution."""

from __future__ import annotations

import gc
import os
import warnings

import pytest
from scripting import Project

from pytest_perfbudget.plugin.measuring import quiet_output


class TestOutput:
    """The first execution of a repeated body is reported, and no other."""

    def test_printed_text_warnings_and_logs_appear_once(self, each_way: Project) -> None:
        result = each_way.run(
            """
import logging, warnings

@pytest.mark.perf_budget(p95_ms=1)
def test_it():
    advance(10)
    print("printed")
    logging.getLogger("shop").warning("logged")
    warnings.warn("warned")
""",
            "-Wdefault",
        )
        result.assert_outcomes(failed=1, warnings=1)
        lines = result.outlines
        assert lines.count("printed") == 1
        assert sum("logged" in line for line in lines) == 1
        assert sum("UserWarning: warned" in line for line in lines) == 1

    def test_fixtures_that_read_the_output_still_read_it(self, each_way: Project) -> None:
        each_way.run(
            """
import logging, warnings

@pytest.mark.perf_budget(p95_ms=50)
def test_printed(capsys):
    print("printed")
    assert capsys.readouterr().out == "printed\\n"

@pytest.mark.perf_budget(p95_ms=50)
def test_logged(caplog):
    caplog.clear()
    logging.getLogger("shop").warning("logged")
    assert caplog.messages == ["logged"]

@pytest.mark.perf_budget(p95_ms=50)
def test_warned():
    with pytest.warns(UserWarning, match="warned"):
        warnings.warn("warned")
"""
        ).assert_outcomes(passed=3)

    def test_subtests_are_reported_for_the_first_execution(self, each_way: Project) -> None:
        result = each_way.run(
            """
import unittest

@pytest.mark.perf_budget(p95_ms=50)
def test_it(subtests):
    for number in range(3):
        with subtests.test(number=number): advance(1)

class TestCase(unittest.TestCase):
    @pytest.mark.perf_budget(p95_ms=50)
    def test_case(self):
        for number in range(3):
            with self.subTest(number=number): advance(1)
""",
            "-v",
        )
        assert sum("SUBPASSED" in line for line in result.outlines) == 6

    def test_a_subtest_that_fails_in_a_repetition_fails_the_test(self, project: Project) -> None:
        project.run(
            """
CALLS = []

@pytest.mark.perf_budget(p95_ms=50)
def test_it(subtests):
    CALLS.append(1)
    with subtests.test("again"): assert len(CALLS) < 5
"""
        ).assert_outcomes(failed=1)

    def test_handlers_and_streams_are_as_before(self, project: Project) -> None:
        project.run(
            """
import logging, sys, warnings

@pytest.fixture
def state():
    before = logging.getLogger().handlers[:], sys.stdout, sys.stderr, warnings.filters[:]
    yield
    assert before == (logging.getLogger().handlers[:], sys.stdout, sys.stderr, warnings.filters[:])

@pytest.mark.perf_budget(p95_ms=50)
@pytest.mark.usefixtures("state")
def test_it(): advance(1)
"""
        ).assert_outcomes(passed=1)

    def test_a_warning_that_is_an_error_stays_an_error(self, project: Project) -> None:
        project.run(
            """
import warnings

@pytest.mark.filterwarnings("error")
@pytest.mark.perf_budget(p95_ms=50)
def test_it():
    advance(1)
    with pytest.raises(UserWarning): warnings.warn("old")
"""
        ).assert_outcomes(passed=1)

    def test_fixtures_that_are_requested_at_run_time_still_read_it(self, project: Project) -> None:
        project.run(
            """
import logging

@pytest.fixture
def output(request): return request.getfixturevalue("capsys")

@pytest.fixture
def log(request): return request.getfixturevalue("caplog")

@pytest.mark.perf_budget(p95_ms=50)
def test_printed(output):
    print("printed")
    assert output.readouterr().out == "printed\\n"

@pytest.mark.perf_budget(p95_ms=50)
def test_logged(log):
    log.clear()
    logging.getLogger("shop").warning("logged")
    assert log.messages == ["logged"]
"""
        ).assert_outcomes(passed=2)


class TestSkips:
    """A test is skipped by its first execution or not at all."""

    def test_a_subtest_may_skip_in_each_execution(self, each_way: Project) -> None:
        each_way.run(
            """
import unittest

class TestCase(unittest.TestCase):
    @pytest.mark.perf_budget(p95_ms=5)
    def test_case(self):
        for number in (1, 2):
            with self.subTest(number=number):
                if number == 1: self.skipTest("not here")
                advance(10)

@pytest.mark.perf_budget(p95_ms=5)
def test_it(subtests):
    for number in (1, 2):
        with subtests.test(number=number):
            if number == 1: pytest.skip("not here")
            advance(10)
"""
        )
        assert each_way.verdicts() == {"TestCase::test_case p95": "exceeded", "test_it p95": "exceeded"}

    def test_a_repetition_that_skips_fails_the_test(self, each_way: Project) -> None:
        result = each_way.run(
            """
CALLS = []

@pytest.mark.perf_budget(p95_ms=5)
def test_it():
    CALLS.append(1)
    if len(CALLS) > 3: pytest.skip("already done")
"""
        )
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            ["a repetition skipped the test (already done). perf_budget: the first execution passed, *"]
        )

    def test_a_first_execution_that_skips_skips_the_test(self, project: Project) -> None:
        skips = "@pytest.mark.perf_budget(p95_ms=5)\ndef test_it(): pytest.skip('not here')\n"
        project.run(skips).assert_outcomes(skipped=1)


class TestTimeout:
    """The limit of pytest-timeout was meant for one execution."""

    TIMEOUT = ("-p", "pytest_timeout")

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("pytest_timeout", reason="pytest-timeout is not installed")

    def test_a_measurement_may_take_longer(self, lean: Project) -> None:
        tests = """
import time

@pytest.mark.timeout(0.5)
@pytest.mark.perf_budget(median_s=5)
def test_it():
    advance(1)
    started = time.perf_counter()
    while time.perf_counter() < started + 0.02: pass
"""
        lean.run(tests, *self.TIMEOUT).assert_outcomes(passed=1)

    def test_a_measurement_that_hangs_is_ended(self, lean: Project) -> None:
        tests = """
import threading
CALLS = []

@pytest.mark.timeout(0.1)
@pytest.mark.perf_budget(p95_s=5, max_time="100ms")
def test_it():
    CALLS.append(1)
    if len(CALLS) > 5: threading.Event().wait()
"""
        result = lean.run(tests, *self.TIMEOUT)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*Timeout*"])

    def test_the_rest_of_the_test_has_its_limit_again(self, lean: Project) -> None:
        tests = """
import threading

@pytest.mark.timeout(0.2)
def test_it(perf):
    perf(advance, 1, p95_ms=5)
    threading.Event().wait()
"""
        result = lean.run(tests, *self.TIMEOUT)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*Timeout*"])

    def test_a_measurement_in_a_thread_leaves_the_timer_alone(self, lean: Project) -> None:
        tests = """
from concurrent.futures import ThreadPoolExecutor

@pytest.mark.timeout(20)
def test_it(perf):
    with ThreadPoolExecutor() as pool:
        pool.submit(perf, advance, 1, p95_ms=5).result()
"""
        lean.run(tests, *self.TIMEOUT).assert_outcomes(passed=1)


def test_the_file_that_drops_everything_goes_without_a_warning() -> None:
    """Interpreters that are embedded, and tests of plugins, unload modules while warnings are errors."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        file = quiet_output._nowhere.__wrapped__()
        descriptor = file.fileno()
        file.write("dropped")
        del file
        gc.collect()
    os.close(descriptor)
    assert seen == []
