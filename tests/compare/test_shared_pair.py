"""The pair of processes that screens the suspects of a baseline for a whole session, beside the baseline's commit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from baselines import lines
from repositories import Repository, git
from scripting import add_to_conftest, times

from pytest_perfbudget.compare.pair_runner import PairRunner
from pytest_perfbudget.errors import WorkerError

CONFIRM = '[tool.perfbudget]\nbaseline_runs = 2\nconfirm = "duet"\n'
SHOP = """
import os
from scripted import advance
FRESH = "PERFBUDGET_FRESH" in os.environ

def pay(): advance({pay})
def ship(): advance({ship})
def list_all(): advance({list_all})
"""
TESTS = """
import pytest, shop

@pytest.mark.parametrize("work", ["pay", "ship", "list_all"])
def test_shop(perf, work):
    perf(getattr(shop, work))
"""
ONCE = """
import os, pytest

@pytest.fixture(scope="module", autouse=True)
def port():
    os.mkdir("../taken")
    yield
    os.rmdir("../taken")
"""


_MADE: list[Path] = []

HELD = """
import os, pathlib, pytest

@pytest.fixture(scope="session", autouse=True)
def held():
    fresh = "PERFBUDGET_FRESH" in os.environ
    if fresh: pathlib.Path("../held").touch()
    yield
    if fresh: pathlib.Path("../held").unlink(missing_ok=True)
"""
EDITED = """
import os
if "PERFBUDGET_FRESH" in os.environ:
    with open("notes.py", "a") as file: file.write("NOTE = 1")
"""


def shop(pay: object = 1, ship: object = 1, list_all: object = 1) -> str:
    return SHOP.format(pay=pay, ship=ship, list_all=list_all)


@pytest.fixture
def based(repository: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository of three tests with a baseline that was made at its last commit; made once, and copied."""
    if _MADE:
        shutil.copytree(_MADE[0], repository.pytester.path, dirs_exist_ok=True)
        return repository
    repository.commit({"pyproject.toml": CONFIRM, "shop.py": shop()}, tests=TESTS)
    repository.run(TESTS, "--perf-update-baseline").assert_outcomes(passed=3)
    _MADE.append(shutil.copytree(repository.pytester.path, tmp_path_factory.mktemp("based") / "copy"))
    return repository


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pairs that measure in this session: `screening` and `fresh`, each time that one measures a test."""
    found: list[str] = []

    def noting(name: str, kind: str) -> None:
        original = getattr(PairRunner, name)

        def noted(self: PairRunner, *args: Any, **settings: Any) -> object:
            found.append(kind)
            return original(self, *args, **settings)

        monkeypatch.setattr(PairRunner, name, noted)

    noting("start", "start")
    noting("screen", "screening")
    noting("measure", "fresh")
    return found


def test_what_only_the_session_shows_is_cleared_by_one_pair_for_all_tests(
    based: Repository, measured: list[str]
) -> None:
    """The machine, or the other tests of the session: what both commits share."""
    based.file("shop.py", shop(*["1 if FRESH else 1.1"] * 3))
    result = based.run(TESTS)
    result.assert_outcomes(passed=3)
    assert measured == ["start", *["screening"] * 3]  # before the first test, which may watch for new processes
    assert set(times(based).values()) == {"unchanged"}
    result.stdout.no_fnmatch_line("*looked slower*")


def test_a_slower_test_is_confirmed_by_fresh_pairs(based: Repository, measured: list[str]) -> None:
    based.file("shop.py", shop("1.1", "1 if FRESH else 1.1"))
    result = based.run(TESTS)
    result.assert_outcomes(passed=2, failed=1)
    found = times(based)
    assert (found["test_shop[pay] pay"], found["test_shop[ship] ship"]) == ("regressed", "unchanged")
    assert measured[:3] == ["start", "screening", "fresh"]
    assert measured[-1] == "screening"  # of ship
    result.stdout.fnmatch_lines(
        ["pay: 10.0 % slower than the baseline (95 % *", "  1.10 ms, base 1 ms (commit *); * fresh *"]
    )


def test_the_screening_pair_has_no_part_in_the_verdict(based: Repository) -> None:
    """A pair that was off, or that a neighbour of this test has slowed, makes a suspect and no more."""
    based.file("pair.py", "import os\nIS_SCREENING = os.environ.get('PYTEST_XDIST_WORKER') in ('gw1', 'gw2')\n")
    based.commit()
    based.file("shop.py", f"from pair import IS_SCREENING\n{shop('1.4 if IS_SCREENING else 1 if FRESH else 1.1')}")
    based.run(TESTS).assert_outcomes(passed=3)
    assert times(based)["test_shop[pay] pay"] == "unconfirmed"


def test_what_is_clearly_slower_in_the_session_needs_fresh_pairs_at_once(
    based: Repository, measured: list[str]
) -> None:
    """The session has more calls than a screening pair, and the tests before it have left their state behind."""
    based.file("shop.py", shop("1.2"))
    based.run(TESTS).assert_outcomes(passed=2, failed=1)
    assert set(measured) == {"start", "fresh"}


def test_one_test_has_fresh_pairs_only(based: Repository, measured: list[str]) -> None:
    """A pair for all tests of a session would save nothing."""
    based.file("shop.py", shop("1 if FRESH else 1.1"))
    based.run(TESTS, "-k", "pay").assert_outcomes(passed=1)
    assert set(measured) == {"fresh"}


def test_without_the_screening_pair_fresh_pairs_decide(
    based: Repository, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        measured.append("dead")
        message = "it died"
        raise WorkerError(message)

    monkeypatch.setattr(PairRunner, "screen", dies)
    based.file("shop.py", shop("1.1", "1 if FRESH else 1.1"))
    based.run(TESTS).assert_outcomes(passed=2, failed=1)
    assert measured.count("dead") == 1


def test_the_pair_holds_no_fixture_while_other_tests_run(based: Repository, measured: list[str]) -> None:
    add_to_conftest(based, HELD)
    based.file("test_other.py", "import os\ndef test_nothing_is_held(): assert not os.path.exists('../held')\n")
    based.file("shop.py", shop(*["1 if FRESH else 1.1"] * 3))
    based.run(TESTS).assert_outcomes(passed=4)
    assert "screening" in measured


def test_a_fixture_that_can_live_once_is_confirmed_after_the_last_test(based: Repository) -> None:
    add_to_conftest(based, ONCE)
    based.file("shop.py", shop("1.1"))
    result = based.run(TESTS)
    result.assert_outcomes(passed=3, failed=1)
    assert times(based)["test_shop[pay] pay"] == "regressed"


def test_a_baseline_made_before_its_commit_is_confirmed_beside_that_commit(repository: Repository) -> None:
    """The first baseline of a project, which is committed together with the code."""
    repository.commit({"pyproject.toml": CONFIRM})
    repository.file("shop.py", shop())
    repository.run(TESTS, "--perf-update-baseline").assert_outcomes(passed=3)
    assert all(line["commit"].endswith("+") for line in lines(repository).values())
    commit = repository.commit()
    repository.file("shop.py", shop("1.1", "1 if FRESH else 1.1"))
    result = repository.run(TESTS)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines([f"  1.10 ms, base 1 ms (commit {commit[:9]}*); * fresh pairs of processes"])


def test_a_baseline_made_before_the_first_commit_is_confirmed_beside_that_commit(repository: Repository) -> None:
    repository.commit({"pyproject.toml": CONFIRM, "shop.py": shop()})
    shutil.rmtree(repository.pytester.path / ".git")
    git(repository.pytester.path, "init", "-q")
    repository.run(TESTS, "--perf-update-baseline").assert_outcomes(passed=3)
    assert all(line["commit"] == "+" for line in lines(repository).values())
    repository.commit()
    repository.file("shop.py", shop("1.2"))
    result = repository.run(TESTS)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*; * fresh pairs of processes"])


def test_code_that_changed_between_the_baseline_and_its_commit_is_confirmed_by_processes(
    repository: Repository,
) -> None:
    """Beside that commit the slowdown would not show."""
    repository.commit({"pyproject.toml": CONFIRM})
    repository.file("shop.py", shop())
    repository.run(TESTS, "--perf-update-baseline").assert_outcomes(passed=3)
    repository.commit({"shop.py": shop("1.1")})
    result = repository.run(TESTS)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["note: *, not by a duet: the baseline was made with changes that are in no commit *"])


def test_an_update_whose_code_is_edited_meanwhile_has_a_line_of_no_commit(repository: Repository) -> None:
    """Nobody knows which of the processes ran which code."""
    repository.commit({"pyproject.toml": CONFIRM, "shop.py": shop(), "notes.py": ""}, tests=EDITED + TESTS)
    repository.run(EDITED + TESTS, "--perf-update-baseline").assert_outcomes(passed=3)
    found = lines(repository).values()
    assert all(line["commit"].endswith("+") and "code" not in line for line in found)
