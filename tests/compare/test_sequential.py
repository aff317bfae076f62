"""mode = "sequential": one process after the other, before any fixture is set up."""

from __future__ import annotations

import pytest
from programs import AGAINST, SHOP, SLOWER, TESTS, TURNS, XDIST
from repositories import commit
from scripting import Project, times

FIXTURE = """
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
def exclusive(repository: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A test whose fixture can live once at a time."""
    ports = repository.pytester.path.parent / "ports"
    ports.mkdir(exist_ok=True)
    monkeypatch.setenv("PORTS", str(ports))
    repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + FIXTURE)
    commit(repository.pytester.path, {})
    return repository


def test_fixtures_that_cannot_live_twice_make_a_test_unmeasured(exclusive: Project) -> None:
    result = exclusive.run(FIXTURE, *AGAINST, subprocess=True)
    result.assert_outcomes(passed=1)
    assert set(times(exclusive).values()) == {"unmeasured"}
    result.stdout.fnmatch_lines(
        ['unmeasured: *in the session it passes: what cannot be there twice needs mode = "sequential" in *']
    )


def test_in_turns_it_is_measured(exclusive: Project) -> None:
    result = exclusive.run(FIXTURE, *AGAINST, pyproject=TURNS, subprocess=True)
    result.assert_outcomes(passed=1)
    assert times(exclusive) == {"test_server work": "unchanged"}


def test_and_slower_code_fails(exclusive: Project) -> None:
    exclusive.file("shop.py", SLOWER)
    result = exclusive.run(FIXTURE, *AGAINST, pyproject=TURNS, subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["work: 10.0 % slower than HEAD (95 % interval *", "* 8 fresh pairs of processes"])


def test_a_test_that_ends_its_process_is_unmeasured_and_the_others_are_not(repository: Project) -> None:
    """Of a crash, in the base only: it is left out from then on."""
    crash = "import os, sys\n" + SHOP + "\ndef crash():\n    if 'bootstrap' in sys.argv[0]: os._exit(9)\n"
    tests = TESTS.replace("def test_call(perf):\n", "def test_call(perf):\n    shop.crash()\n")
    repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
    commit(repository.pytester.path, {"shop.py": crash})
    repository.file("shop.py", SLOWER + "\ndef crash(): pass\n")
    result = repository.run(tests, *AGAINST, "-k", "body or call", pyproject=TURNS, subprocess=True)
    assert times(repository) == {"test_body": "regressed", "test_call step": "unmeasured"}
    result.stdout.fnmatch_lines(["unmeasured: *test_call step: the process of HEAD ended with exit code 9*"])


def test_a_base_that_answers_nothing_makes_all_unmeasured(repository: Project) -> None:
    ends = "import os, sys\nif 'bootstrap' in sys.argv[0]: os._exit(9)\n"
    commit(repository.pytester.path, {"shop.py": ends + SHOP})
    repository.file("shop.py", SHOP)
    result = repository.run(TESTS, *AGAINST, pyproject=TURNS, subprocess=True)
    assert set(times(repository).values()) == {"unmeasured"}
    result.stdout.fnmatch_lines(["unmeasured: *test_timer loop: the process of HEAD ended with exit code 9*"])


def test_what_only_the_base_has_is_missing(repository: Project) -> None:
    fewer = TESTS.partition("def test_timer")[0]
    result = repository.run(fewer, *AGAINST, pyproject=TURNS, subprocess=True)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["missing: *test_it.py::test_timer*: HEAD has it, and it is not collected here"])


def test_not_under_xdist(repository: Project) -> None:
    result = repository.run(TESTS, *AGAINST, *XDIST, pyproject=TURNS, subprocess=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["ERROR: mode = 'sequential' of * measures in one process after the other: add -n 0"])
