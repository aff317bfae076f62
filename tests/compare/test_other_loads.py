"""The result for a load with other parameters than in the base, with a reviewer and without."""

from __future__ import annotations

from comparing import context

from pytest_perfbudget.compare.obstacles import is_other_load, of_other_load, unlike
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import RegressionVerdict

FIVE, NINE = (Recording(load=f"{users} users, for 2 s") for users in (5, 9))
WHY = unlike("main", {"load": NINE}, {"load": FIVE})["load"]


def test_it_is_unmeasured_and_its_remedy_names_the_label_of_a_reviewer() -> None:
    assert is_other_load(WHY, "main", NINE, FIVE)
    plain, reviewed = (of_other_load(context(by_label=label), WHY) for label in ("", "by the label ok"))
    assert plain.verdict is reviewed.verdict is RegressionVerdict.UNMEASURED
    remedy = f"{WHY}: give the load its former parameters, or a name of its own (name=)"
    assert (plain.reason, reviewed.reason) == (remedy, f"{remedy}, or let a reviewer accept the load by the label ok")


def test_an_accepted_load_is_new() -> None:
    found = of_other_load(context(accepts_other_loads=True), WHY)
    assert (found.verdict, found.reason) == (RegressionVerdict.NEW, f"{WHY}, as accepted: only its limits hold")


def test_another_case_with_another_load_is_no_other_load() -> None:
    head, base = Recording(load=NINE.load, kind="body"), Recording(load=FIVE.load, kind="fixture")
    why = unlike("main", {"load": head}, {"load": base})["load"]
    assert "two different things" in why
    assert not is_other_load(why, "main", head, base)
