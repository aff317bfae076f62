"""What fixtures of the processes of a pair hold in reference cycles is released, although the processes freeze objects."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import Repository
from scripting import times

APP = """
import gc, os, shutil, tempfile
from scripted import advance

class Store:
    def __init__(self):
        self.data = bytearray(%d << 20)
        for start in range(0, len(self.data), 4096):
            self.data[start] = 1
        self.folder = tempfile.mkdtemp(dir=os.environ["STORES"])
        self.on_done = self.close

    def close(self):
        shutil.rmtree(self.folder)

    __del__ = close

def work():
    advance(1)
"""
TESTS = """
import gc, os, app, pytest

@pytest.fixture(scope={scope!r})
def store(): return app.Store()

def test_before(perf): perf(app.work)

def test_one(perf, store): perf(app.work)

def test_other(perf):
    if "PERFBUDGET_FRESH" in os.environ:
        with open(os.environ["FROZEN"], "a") as file:
            print(gc.get_freeze_count() > 10_000, file=file)
    perf(app.work)
"""


@pytest.mark.parametrize(("scope", "megabytes"), [("module", 0), ("session", 0), ("module", 50)])
def test_a_store_of_a_fixture_in_a_cycle_is_closed(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: str, megabytes: int
) -> None:
    """Servers of such fixtures outlived the session: their objects were frozen while the fixtures were set up.

    A process that has grown collects its garbage before each measurement, while they are set up.
    """
    stores = tmp_path / "stores"
    stores.mkdir()
    monkeypatch.setenv("STORES", str(stores))
    monkeypatch.setenv("FROZEN", str(tmp_path / "frozen"))
    tests = TESTS.format(scope=scope)
    repository.commit(
        {"app.py": APP % megabytes, "test_two.py": tests.replace("def test_o", "def test_two_o")}, tests=tests
    )
    repository.file("README.md", "more")
    repository.against_base(subprocess=True).assert_outcomes(passed=6)
    assert set(times(repository).values()) == {"unchanged"}
    assert list(stores.iterdir()) == []
    if not megabytes:
        assert set((tmp_path / "frozen").read_text("utf-8").split()) == {"True"}
