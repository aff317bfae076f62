from __future__ import annotations

import json

from pytest_perfbudget.doctor.findings import Findings
from pytest_perfbudget.doctor.trial import Case, Session
from pytest_perfbudget.report.doctor import doctor_text


def session(*cases: tuple[str, float, str], failed: bool = False, error: float = 0.01) -> Session:
    return Session(
        tuple(Case(name, slow, said, 1.1, error, 3 if slow else 0) for name, slow, said in cases), 6.0, failed
    )


CLEAN = session(("zlib", 0, "unchanged"), ("csv", 0, "undecided"))
SLOW = session(("zlib", 0.2, "regressed"), ("csv", 0.1, "undecided"))


def test_alarms_and_catches_are_counted() -> None:
    findings = Findings([CLEAN, session(("zlib", 0, "regressed"), failed=True)], [SLOW, SLOW], [40.0])
    assert findings.false_alarms == 1
    assert findings.caught() == {0.1: (0, 2), 0.2: (2, 2)}
    assert findings.missed() == {"csv": [0.1, 0.1]}
    assert findings.can_fire()


def test_a_gate_that_catches_nothing_of_the_largest_slowdown_cannot_fire() -> None:
    deaf = session(("zlib", 0.2, "undecided"), ("csv", 0.1, "regressed"))
    assert not Findings([CLEAN], [deaf], [40.0]).can_fire()
    assert not Findings([CLEAN], [], [40.0]).can_fire()
    assert "THE GATE DOES NOT FIRE" in doctor_text(Findings([CLEAN], [deaf], [40.0]), "this machine", 60)


def test_the_advice_follows_the_noise() -> None:
    def advice(error: float) -> float | None:
        slow = session(("zlib", 0.2, "regressed"), ("csv", 0.1, "regressed"), error=error)
        return Findings([CLEAN], [slow] * 3, [40.0]).recommended()

    assert advice(0.001) == 0.02
    assert advice(0.01) == 0.04
    assert advice(0.03) == 0.125


def test_a_few_confirmed_tests_make_no_advice() -> None:
    findings = Findings([CLEAN], [SLOW, SLOW], [40.0])
    assert findings.recommended() is None
    text = doctor_text(findings, "this machine", 60)
    assert "\nadvice          none: 4 confirmed tests are too few to recommend a limit\n" in text


def test_the_findings_are_printed_as_a_table() -> None:
    text = doctor_text(Findings([CLEAN], [SLOW] * 3, [40.0]), "AMD EPYC, x86_64, Linux, CPython 3.11", 66)
    assert text == (
        "machine         AMD EPYC, x86_64, Linux, CPython 3.11\n"
        "clean sessions  0 of 1 with 2 tests failed\n"
        "time            3.00 s per test of a clean session, start-up included; 20.0 s per test of an update\n"
        "caught          +10% 0 of 3, +20% 3 of 3\n"
        "missed          csv +10% +10% +10%\n"
        "noise           standard error of a confirmed change 1.0% (median)\n"
        'advice          max_regression = "4%"\n'
        "1 session in 1.1 min: a look, no rates; --sessions 30 gives some\n"
    )


def test_false_alarms_are_named() -> None:
    alarmed = session(("zlib", 0, "regressed"), ("csv", 0, "undecided"), failed=True)
    findings = Findings([CLEAN, alarmed], [SLOW], [40.0])
    assert findings.alarmed() == {"zlib": [1.1]}
    assert "\nfalse alarms    zlib +10.0 %: of unchanged code;" in doctor_text(findings, "this machine", 60)


def test_all_findings_are_json() -> None:
    document = json.loads(json.dumps(Findings([CLEAN], [SLOW], [40.0]).to_dict()))
    assert document["caught"] == [{"slowdown": 0.1, "caught": 0, "of": 1}, {"slowdown": 0.2, "caught": 1, "of": 1}]
    assert len(document["cases"]) == 4
