"""The processes of head and base: what they start, leave behind and die of."""

from __future__ import annotations

import pytest
from programs import AGAINST, SHOP, SLOWER, TESTS
from repositories import commit, git
from scripting import IMPATIENT, Project, add_to_conftest, times


def test_fixtures_of_both_are_torn_down(repository: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a session, too, which hold databases and servers."""
    folders = repository.pytester.path.parent / "folders"
    folders.mkdir()
    monkeypatch.setenv("FOLDERS", str(folders))
    tests = (
        "import os, tempfile\nimport shop\n\n@pytest.fixture(scope='session')\ndef place():\n"
        "    folder = tempfile.mkdtemp(dir=os.environ['FOLDERS'])\n    yield folder\n    os.rmdir(folder)\n\n"
        "def test_call(place, perf): perf(shop.work)\n"
    )
    repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
    commit(repository.pytester.path, {})
    repository.file("shop.py", SLOWER)
    repository.run(tests, *AGAINST, subprocess=True).assert_outcomes(failed=1)
    assert list(folders.iterdir()) == []


def test_child_processes_of_the_base_import_the_bases_code(repository: Project) -> None:
    tests = (
        "import subprocess, sys\nimport shop\n\ndef test_child(perf):\n"
        "    out = subprocess.run([sys.executable, '-c', 'import kind; print(kind.NAME)'], capture_output=True)\n"
        "    perf(shop.work, name=out.stdout.decode().strip() or 'nothing')\n"
    )
    repository.file("pytest.ini", "[pytest]\npythonpath = . lib\n")
    repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
    commit(repository.pytester.path, {"lib/kind.py": "NAME = 'base'"})
    repository.file("lib/kind.py", "NAME = 'head'")
    repository.pytester.path.joinpath("conftest.py").write_text(
        repository.pytester.path.joinpath("conftest.py").read_text("utf-8")
        + "\nimport os\nfrom pathlib import Path\nif os.environ.get('PERFBUDGET_FRESH') is None:\n"
        "    os.environ['PYTHONPATH'] = str(Path(__file__).parent / 'lib')\n",
        "utf-8",
    )
    repository.run(tests, *AGAINST, subprocess=True)
    assert times(repository) == {"test_child head": "new"}  # for the base's is called "base"


def test_child_processes_find_their_modules_compiled_on_both_sides_or_on_neither(
    repository: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is to be compiled into the working tree, it may have been before; a checkout never was."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("FOUND", str(repository.pytester.path.parent / "found"))
    child = (
        "import kind, os; print(kind.__cached__, os.path.exists(kind.__cached__), file=open(os.environ['FOUND'], 'a'))"
    )
    tests = (
        f"import subprocess, sys\nimport shop\nCHILD = {child!r}\n\ndef test_child(perf):\n"
        "    for _ in range(2): subprocess.run([sys.executable, '-c', CHILD], check=True)\n    perf(shop.work)\n"
    )
    repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
    commit(repository.pytester.path, {"kind.py": "NAME = 1"})
    repository.run(tests, *AGAINST, subprocess=True).assert_outcomes(passed=1)
    lines = (repository.pytester.path.parent / "found").read_text("utf-8").splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["False"] * 2 + ["True"] * 4  # session, head, base
    assert all("perfbudget-compiled-" in line for line in lines[2:])


def test_one_that_dies_leaves_its_test_unmeasured_and_the_next_gets_another(repository: Project) -> None:
    """Of a crash, or by a hand that ends it."""
    dies = "import os, sys\ndef test_a(perf):\n    if 'bootstrap' in sys.argv[0]: os._exit(9)\n    perf(shop.work)\n"
    result = repository.run(TESTS.replace("@pytest", dies + "@pytest", 1), *AGAINST, subprocess=True)
    result.assert_outcomes(passed=4)
    commit(repository.pytester.path, {})
    result = repository.run(TESTS.replace("@pytest", dies + "@pytest", 1), *AGAINST, subprocess=True)
    result.stdout.fnmatch_lines(
        ["unmeasured: test_it.py::test_a work: a fresh process of the head ended with exit code 9*"]
    )
    assert [value for key, value in times(repository).items() if key != "test_a work"] == ["unchanged"] * 3


def test_one_that_is_ended_from_outside_is_started_once_more(repository: Project) -> None:
    """Or a slowdown would stay green whenever the system has no memory for the base."""
    ended = repository.pytester.path.parent / "ended"
    once = (
        f"import os, signal, sys\nfrom pathlib import Path\n{SHOP}\ndef end_once():\n"
        f"    if 'bootstrap' in sys.argv[0] and not Path({str(ended)!r}).exists():\n"
        f"        Path({str(ended)!r}).touch()\n        os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    tests = TESTS.replace("def test_body():\n", "def test_body():\n    shop.end_once()\n")
    repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
    commit(repository.pytester.path, {"shop.py": once})
    repository.file("shop.py", SLOWER + "\ndef end_once(): pass\n")
    repository.run(tests, *AGAINST, "-k", "body", subprocess=True).assert_outcomes(failed=1, deselected=2)
    assert ended.exists()


def test_so_does_one_that_hangs(repository: Project) -> None:
    """In the base only; it is ended when its time is up."""
    add_to_conftest(repository, IMPATIENT)
    waits = "import signal, sys\n" + SHOP + "\ndef wait():\n    if 'bootstrap' in sys.argv[0]: signal.pause()\n"
    tests = TESTS.replace("def test_body():\n", "def test_body():\n    shop.wait()\n")
    repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
    commit(repository.pytester.path, {"shop.py": waits})
    repository.file("shop.py", SLOWER + "\ndef wait(): pass\n")
    result = repository.run(tests, *AGAINST, "-k", "body or call", subprocess=True)
    assert times(repository) == {"test_body": "unmeasured", "test_call step": "regressed"}
    result.stdout.fnmatch_lines(["unmeasured: *test_body: the process of HEAD said nothing for 3 s and was ended*"])


def test_nothing_is_left_behind(
    repository: Project, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(temporary))
    repository.run(TESTS, *AGAINST, subprocess=True).assert_outcomes(passed=3)
    assert not list(temporary.glob("perfbudget-*"))
    assert len(git(repository.pytester.path, "worktree", "list").splitlines()) == 1
    assert git(repository.pytester.path, "status", "--porcelain") == ""
