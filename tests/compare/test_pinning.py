"""On which CPUs the two sides are measured."""

from __future__ import annotations

import sys

import pytest
from programs import shop
from repositories import Repository

NOTING = """advance({ms})
if FRESH:
    with open(os.environ["NOTES"], "a") as file:
        print(os.environ["PYTHONHASHSEED"], sorted(os.sched_getaffinity(0)), file=file)
"""


def test_a_test_that_uses_several_cpus_is_measured_on_all_of_them(repository: Repository) -> None:
    repository.file("shop.py", shop(work="advance(1, cpu_ms=2)"))
    result = repository.against_base("-k", "call or timer")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "note: *::test_call step, *::test_timer loop: measured on all CPUs: the code uses 2.0 of them",
        ]
    )


def test_a_test_that_is_not_to_be_pinned_is_measured_on_all_cpus(repository: Repository) -> None:
    result = repository.against_base("-k", "call", pyproject="[tool.perfbudget]\npin = false\n")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["note: test_it.py::test_call step: measured on all CPUs: pin = false"])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not pin")
def test_both_sides_have_one_hash_seed_and_take_their_turns_on_one_cpu(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = repository.pytester.path.parent / "notes"
    monkeypatch.setenv("NOTES", str(notes))
    repository.commit({"shop.py": shop(work=NOTING.format(ms=1))})
    repository.against_base("-k", "call").assert_outcomes(passed=1, deselected=2)
    found = [line.split(" ", 1) for line in notes.read_text("utf-8").splitlines()]
    assert len({seed for seed, _ in found}) == 1
    assert any(cpus.count(",") == 0 for _, cpus in found)
    pinned = {cpus for _, cpus in found if cpus.count(",") == 0}
    assert len(pinned) == 1
