"""Libraries that replace clocks, files, threads or the import of modules."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from programs import FASTER_MS, shop
from repositories import IGNORED, Repository
from scripting import TWO_WORKERS, Neighbour, Project, times

FROZEN = {
    "freezegun": "from freezegun import freeze_time\nfreeze_time('2020-01-01').start()\n",
    "time_machine": "import time_machine\ntime_machine.travel('2020-01-01', tick=False).start()\n",
}


@pytest.mark.parametrize("module", FROZEN)
def test_time_that_a_conftest_froze_goes_on_for_measurements(
    lean: Project, with_neighbour: Neighbour, module: str
) -> None:
    with_neighbour(module)
    lean.file("conftest.py", FROZEN[module])
    tests = """
import time
@pytest.mark.perf_budget(p95_s=5)
def test_it():
    assert time.time() < 1.6e9
    sum(range(1000))
"""
    lean.run(tests, subprocess=True).assert_outcomes(passed=1)
    (measured,) = lean.report["measurements"]
    assert measured["statistics"]["min"] > 0


def test_a_clock_that_was_replaced_before_plugins_are_loaded_is_refused(lean: Project) -> None:
    lean.file("early.py", "import time\ntime.perf_counter_ns = lambda: 0\n")
    tests = "@pytest.mark.perf_budget(p95_s=5)\ndef test_it(): pass\n"
    lean.pytester.syspathinsert()
    lean.write_tests(tests)
    script = "import early, pytest, sys; sys.exit(pytest.main(['-q']))"
    result = lean.pytester.run(sys.executable, "-c", script)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: perfbudget: time.perf_counter_ns was replaced before pytest loaded *"])


BODIES = {
    "freezegun": """
import shop
from freezegun import freeze_time
@freeze_time("2020-01-01")
def test_it(perf): perf(shop.work)
""",
    "time_machine": """
import shop, time_machine
@time_machine.travel("2020-01-01", tick=False)
def test_it(perf): perf(shop.work)
""",
    "pyfakefs": """
import os, shop
def read():
    shop.work()
    return open("/fake").read()
def test_it(perf, fs):
    fs.create_file("/fake", contents="content")
    assert perf(read, name="work") == "content"
    assert not os.path.exists("/proc")
""",
    "gevent": """
import gevent, shop
def test_it(perf): perf(lambda: gevent.spawn(shop.work).get(), name="work")
""",
    "eventlet": """
import eventlet, shop
def test_it(perf): perf(lambda: eventlet.spawn(shop.work).wait(), name="work")
""",
}
PLUGINS = {"pyfakefs": ("-p", "pyfakefs.pytest_plugin"), "time_machine": ()}
PATCHED = {
    "gevent": "\nfrom gevent import monkey\nmonkey.patch_all()\n",
    "eventlet": "\nimport eventlet\neventlet.monkey_patch()\n",
}


@pytest.mark.parametrize(
    ("module", "ms", "verdict"),
    [
        ("freezegun", 3, "regressed"),
        ("time_machine", FASTER_MS, "improved"),
        ("pyfakefs", 1, "unchanged"),
        ("pyfakefs", 3, "regressed"),
        ("gevent", 1, "unchanged"),
        ("gevent", 3, "regressed"),
        ("eventlet", FASTER_MS, "improved"),
    ],
)
def test_a_commit_is_compared(
    repository: Repository, with_neighbour: Neighbour, module: str, ms: float, verdict: str
) -> None:
    """A slowdown is confirmed by fresh processes, which are started while the test's replacements are in force."""
    with_neighbour(module)
    conftest = (repository.pytester.path / "conftest.py").read_text("utf-8")
    repository.commit({"conftest.py": PATCHED.get(module, "") + conftest}, tests=BODIES[module])
    repository.file("shop.py", shop(ms))
    result = repository.against_base(*PLUGINS.get(module, ()), subprocess=True)
    result.assert_outcomes(passed=int(verdict != "regressed"), failed=int(verdict == "regressed"))
    assert times(repository) == {"test_it work": verdict}


def test_a_user_who_paused_the_fake_files_finds_them_paused(lean: Project, with_neighbour: Neighbour) -> None:
    with_neighbour("pyfakefs")
    tests = """
import os
@pytest.fixture
def paused(fs):
    fs.pause()
    yield
    assert os.path.exists("test_it.py")
    fs.resume()
@pytest.mark.perf_budget(p95_ms=5)
def test_it(paused): advance(1)
"""
    lean.run(tests, "-p", "pyfakefs.pytest_plugin", subprocess=True).assert_outcomes(passed=1)


PYXIMPORT = """
import os, filelock, pyximport.pyximport
pyximport.install(language_level=3, build_dir={folder})
create = pyximport.pyximport.PyxImportLoader.create_module
def create_alone(loader, spec):
    with filelock.FileLock(os.path.expanduser("~/lock")): return create(loader, spec)
pyximport.pyximport.PyxImportLoader.create_module = create_alone
"""
FAST = """
from scripted import advance
def work(): advance({ms})
"""


@pytest.mark.parametrize(
    ("folder", "workers"),
    [("None", ()), ("None", TWO_WORKERS), ("os.path.abspath('built')", ())],
    ids=["in the home folder, plain", "in the home folder, n2", "in the repository"],
)
def test_the_base_builds_its_own_modules(
    repository: Repository,
    with_neighbour: Neighbour,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    folder: str,
    workers: Sequence[str],
) -> None:
    """The folder of pyximport keeps one module of each name: the next run would execute the base's code."""
    with_neighbour("Cython")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CFLAGS", "-O0")  # a third of the time that the compiler takes
    conftest = (repository.pytester.path / "conftest.py").read_text("utf-8") + PYXIMPORT.format(folder=folder)
    tests = "import fast\ndef test_it(perf): perf(fast.work)\n"
    files = {".gitignore": f"{IGNORED}built\n", "conftest.py": conftest, "fast.pyx": FAST.format(ms=1)}
    repository.commit(files, tests=tests)
    repository.file("fast.pyx", FAST.format(ms=3))
    # Two workers of a session that build a module at the same time fail with pyximport alone, too: hence the lock.
    repository.run(tests, subprocess=True).assert_outcomes(passed=1)
    repository.against_base(*workers, subprocess=True).assert_outcomes(failed=1)
    assert times(repository) == {"test_it work": "regressed"}
    repository.run(tests, subprocess=True).assert_outcomes(passed=1)
    (measured,) = repository.report["measurements"]
    assert measured["statistics"]["median"] == 3e6


def test_a_module_that_was_built_beside_its_source_is_named_with_the_option(
    repository: Repository, with_neighbour: Neighbour
) -> None:
    """The next session imports the built file and never builds it again, so both sides could run old code."""
    with_neighbour("Cython")
    install = "\nimport pyximport\npyximport.install(language_level=3, inplace=True)\n"
    conftest = (repository.pytester.path / "conftest.py").read_text("utf-8") + install
    tests = "import fast\ndef test_it(perf): perf(fast.work)\n"
    files = {".gitignore": f"{IGNORED}*.so\n", "conftest.py": conftest, "fast.pyx": FAST.format(ms=1)}
    repository.commit(files, tests=tests)
    repository.run(tests, subprocess=True).assert_outcomes(passed=1)
    repository.file("fast.pyx", FAST.format(ms=3))
    result = repository.against_base(subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["work: wrong_code: 'fast' is built in the working tree and not *: leave out inplace=True, and remove *"]
    )


def test_head_and_base_have_the_same_modules(repository: Repository, with_neighbour: Neighbour, tmp_path: Path) -> None:
    """What visits all modules, such as freezegun, is slower on the side with more modules."""
    with_neighbour("Cython")
    tests = f"""
import os, pathlib, sys
import shop
def test_it(perf):
    if "PYTEST_XDIST_WORKER" in os.environ:
        pathlib.Path({str(tmp_path)!r}, f"{{os.getpid()}}.modules").write_text(" ".join(sorted(sys.modules)))
    perf(shop.work)
"""
    repository.commit(tests=tests)
    repository.against_base(subprocess=True).assert_outcomes(passed=1)
    assert times(repository) == {"test_it work": "unchanged"}
    head, base = (file.read_text("utf-8") for file in tmp_path.glob("*.modules"))
    assert head == base
