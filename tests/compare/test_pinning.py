"""On which CPUs the two sides are measured."""

from __future__ import annotations

import sys

import pytest
from programs import AGAINST, SHOP, TESTS
from repositories import commit
from scripting import Project


def test_what_uses_several_cpus_is_measured_on_all_of_them(repository: Project) -> None:
    repository.file("shop.py", SHOP.replace("advance(1)", "advance(1, cpu_ms=2)"))
    result = repository.run(TESTS, *AGAINST, "-k", "call or timer", subprocess=True)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "note: test_it.py::test_call step: measured on all CPUs: it uses 2.0 of them",
            "note: test_it.py::test_timer loop: measured on all CPUs: it uses 2.0 of them",
        ]
    )


def test_so_is_what_is_not_to_be_pinned(repository: Project) -> None:
    pyproject = "[tool.perfbudget]\npin = false\n"
    result = repository.run(TESTS, *AGAINST, "-k", "call", pyproject=pyproject, subprocess=True)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["note: test_it.py::test_call step: measured on all CPUs: pin = false"])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not pin")
def test_both_have_one_hash_seed_and_take_their_turns_on_one_cpu(repository: Project) -> None:
    shop = """
import os, sys
from scripted import advance

def work():
    advance(1)
    if 'bootstrap' in sys.argv[0]:
        with open(os.environ['NOTES'], 'a') as file:
            print(os.environ['PYTHONHASHSEED'], sorted(os.sched_getaffinity(0)), file=file)
"""
    commit(repository.pytester.path, {"shop.py": shop})
    notes = repository.pytester.path.parent / "notes"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTES", str(notes))
        repository.run(TESTS, *AGAINST, "-k", "call", subprocess=True).assert_outcomes(passed=1, deselected=2)
    found = [line.split(" ", 1) for line in notes.read_text("utf-8").splitlines()]
    assert len({seed for seed, _ in found}) == 1
    assert any(cpus.count(",") == 0 for _, cpus in found)
    pinned = {cpus for _, cpus in found if cpus.count(",") == 0}
    assert len(pinned) == 1
