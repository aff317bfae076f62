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

def test_one(perf, store): perf(app.work)

def test_other(perf):
    if "PERFBUDGET_FRESH" in os.environ:
        with open(os.environ["FROZEN"], "a") as file:
            print(gc.get_freeze_count() > 10_000, file=file)
    perf(app.work)
"""


@pytest.mark.parametrize("scope", ["module", "session"])
def test_a_store_of_a_fixture_in_a_cycle_is_closed(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    """Servers of such fixtures outlived the session: their objects were frozen while the fixtures were set up."""
    stores = tmp_path / "stores"
    stores.mkdir()
    monkeypatch.setenv("STORES", str(stores))
    monkeypatch.setenv("FROZEN", str(tmp_path / "frozen"))
    tests = TESTS.format(scope=scope)
    repository.commit({"app.py": APP, "test_two.py": tests.replace("def test_o", "def test_two_o")}, tests=tests)
    repository.file("README.md", "more")
    repository.against_base(subprocess=True).assert_outcomes(passed=4)
    assert set(times(repository).values()) == {"unchanged"}
    assert list(stores.iterdir()) == []
    assert set((tmp_path / "frozen").read_text("utf-8").split()) == {"True"}
