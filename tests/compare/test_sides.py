"""The processes of head and base: what they start, leave behind and die of."""

from __future__ import annotations

import pytest
from programs import FASTER_MS, shop, shop_tests
from repositories import Repository, git
from scripting import IMPATIENT, add_to_conftest, times

pytestmark = pytest.mark.usefixtures("brief")


def test_fixtures_of_both_sides_are_torn_down(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Session fixtures hold databases and servers."""
    folders = repository.pytester.path.parent / "folders"
    folders.mkdir()
    monkeypatch.setenv("FOLDERS", str(folders))
    tests = """
import os, tempfile
import shop

@pytest.fixture(scope="session")
def place():
    folder = tempfile.mkdtemp(dir=os.environ["FOLDERS"])
    yield folder
    os.rmdir(folder)

def test_call(place, perf): perf(shop.work)
"""
    repository.commit(tests=tests)
    repository.file("shop.py", shop(1.1))
    repository.against_base().assert_outcomes(failed=1)
    assert list(folders.iterdir()) == []


def test_child_processes_of_the_base_import_the_bases_code(repository: Repository) -> None:
    tests = """
import subprocess, sys
import shop

def test_child(perf):
    out = subprocess.run([sys.executable, "-c", "import kind; print(kind.NAME)"], capture_output=True)
    perf(shop.work, name=out.stdout.decode().strip() or "nothing")
"""
    finding = """
import os
from pathlib import Path
if os.environ.get("PERFBUDGET_FRESH") is None:
    os.environ["PYTHONPATH"] = str(Path(__file__).parent / "lib")
"""
    repository.file("pytest.ini", "[pytest]\npythonpath = . lib\n")
    repository.commit({"lib/kind.py": "NAME = 'base'"}, tests=tests)
    repository.file("lib/kind.py", "NAME = 'head'")
    add_to_conftest(repository, finding)
    repository.against_base(subprocess=True)
    assert times(repository) == {"test_child head": "new"}  # for the base's is called "base"


def test_child_processes_find_compiled_modules_on_both_sides_or_on_neither(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is to be compiled into the working tree, it may have been before; a checkout never was.

    With one folder for both sides, the head would compile, and the base would load: another use of memory from then on.
    """
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("FOUND", str(repository.pytester.path.parent / "found"))
    child = (
        "import importlib.util as util, os; kept = util.find_spec('kind').cached; print(kept, os.path.exists(kept), "
        "file=open(os.environ['FOUND'], 'a')); import kind"
    )
    tests = (
        f"import subprocess, sys\nimport shop\nCHILD = {child!r}\n\ndef test_child(perf):\n"
        "    for _ in range(2): subprocess.run([sys.executable, '-c', CHILD], check=True)\n    perf(shop.work)\n"
    )
    repository.commit({"kind.py": "NAME = 1"}, tests=tests)
    repository.against_base(subprocess=True).assert_outcomes(passed=1)
    lines = (repository.pytester.path.parent / "found").read_text("utf-8").splitlines()
    session, sides = lines[:2], lines[2:]
    assert all(line.endswith(" False") for line in session)
    assert [line.rpartition(" ")[2] for line in sides] == ["False", "True"] * 2  # head, base
    assert all("perfbudget-run-" in line for line in sides)
    assert len({line.partition("perfbudget-run-")[2].partition("/")[0] for line in sides}) == 2


def test_a_side_that_dies_leaves_one_test_unmeasured_and_is_replaced(repository: Repository) -> None:
    """The head dies here, of a crash."""
    dies = shop_tests(first="def test_a(perf):\n    if FRESH: os._exit(9)\n    perf(shop.work)")
    repository.commit(tests=dies)
    result = repository.against_base()
    result.stdout.fnmatch_lines(["work: unmeasured: a fresh process of the head ended with exit code 9*"])
    assert [value for key, value in times(repository).items() if key != "test_a work"] == ["unchanged"] * 3


def test_a_side_that_is_ended_from_outside_is_started_once_more(repository: Repository) -> None:
    """A slowdown would stay green whenever the system has no memory for the base."""
    ended = repository.pytester.path.parent / "ended"
    end_once = f"""
from pathlib import Path

def end_once():
    if FRESH and not Path({str(ended)!r}).exists():
        Path({str(ended)!r}).touch()
        os.kill(os.getpid(), signal.SIGTERM)
"""
    repository.commit({"shop.py": shop(more=end_once)}, tests=shop_tests(body="shop.end_once()\nshop.work()"))
    repository.file("shop.py", shop(FASTER_MS, more="def end_once(): pass"))
    repository.against_base("-k", "body").assert_outcomes(passed=1, deselected=2)
    assert ended.exists()
    assert times(repository) == {"test_body": "improved"}


def test_a_side_that_hangs_leaves_one_test_unmeasured_and_is_replaced(repository: Repository) -> None:
    """The base hangs here, until its time is up."""
    add_to_conftest(repository, IMPATIENT.format(seconds=3.0))
    waits = shop(more="def wait():\n    if FRESH: signal.pause()")
    repository.commit({"shop.py": waits}, tests=shop_tests(body="shop.wait()\nshop.work()"))
    repository.file("shop.py", shop(FASTER_MS, more="def wait(): pass"))
    result = repository.against_base("-k", "body or call")
    assert times(repository) == {"test_body": "unmeasured", "test_call step": "improved"}
    result.stdout.fnmatch_lines(["unmeasured: the process of HEAD said nothing for 3 s and was ended*"])


def test_a_session_leaves_no_checkout_and_no_temporary_folder(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(temporary))
    repository.against_base(subprocess=True).assert_outcomes(passed=3)
    assert not list(temporary.glob("perfbudget-*"))
    assert len(git(repository.pytester.path, "worktree", "list").splitlines()) == 1
    assert git(repository.pytester.path, "status", "--porcelain") == ""
