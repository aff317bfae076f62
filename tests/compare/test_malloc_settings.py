"""Settings of the C library's allocator: both processes of a pair have them, their child processes do not."""

from __future__ import annotations

import sys

import pytest
from repositories import Repository

from pytest_perfbudget.processes.malloc_settings import TUNABLES, with_malloc_settings

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the variable of glibc is of Linux")

OTHER = "glibc.malloc.arena_max=2"
NONE = "glibc.malloc.hugetlb=0"

SHOP = "from scripted import advance\ndef work(): advance(1)\n"
TESTS = """
import os, subprocess, sys, shop
from pathlib import Path

def test_it(perf):
    if "PERFBUDGET_FRESH" in os.environ:
        started = Path("/proc/self/environ").read_text("utf-8")
        child = subprocess.run(
            [sys.executable, "-c", "import os; print(os.environ.get('GLIBC_TUNABLES'))"], capture_output=True, text=True
        )
        with open(os.environ["NOTED"], "a") as file:
            print("glibc.malloc.hugetlb=1" in started, child.stdout.strip(), file=file)
    perf(shop.work)
"""


@pytest.mark.parametrize(
    ("given", "noted"),
    [
        ("", "True None"),
        (OTHER, f"True {OTHER}"),
        (NONE, f"False {NONE}"),
    ],
)
def test_both_sides_of_a_pair_have_them_and_the_users_value_holds_for_child_processes(
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    given: str,
    noted: str,
) -> None:
    file = tmp_path_factory.mktemp("outside") / "noted"
    monkeypatch.setenv("NOTED", str(file))
    monkeypatch.delenv(TUNABLES, raising=False)
    if given:
        monkeypatch.setenv(TUNABLES, given)
    repository.commit({"shop.py": SHOP}, tests=TESTS)
    repository.file("shop.py", f"{SHOP}\n\nADDED = 1\n")
    repository.against_base().assert_outcomes(passed=1)
    assert file.read_text("utf-8").splitlines() == [noted, noted]


def test_the_users_settings_of_the_library_have_precedence() -> None:
    own = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=67108864"
    assert with_malloc_settings("") == own
    assert with_malloc_settings(OTHER) == f"{OTHER}:{own}"
    assert with_malloc_settings(NONE) == own.replace("glibc.malloc.hugetlb=1", NONE)


def test_another_system_has_no_such_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert with_malloc_settings("") is None
