from __future__ import annotations

import sys

import pytest

from pytest_perfbudget.baseline.machine import Machine, linux_cpu, this_machine

AMD = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
cpu MHz\t\t: 2596.136
bogomips\t: 5192.27

processor\t: 1
model name\t: something else
"""
ARM = """processor\t: 0
BogoMIPS\t: 50.00
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
"""


def test_the_processor_is_named_with_the_numbers_that_a_virtual_machine_cannot_shorten() -> None:
    assert linux_cpu(AMD) == "AMD EPYC family 25 model 17"


def test_an_arm_processor_is_known_by_its_part() -> None:
    assert linux_cpu(ARM) == "0x41 0xd0c 0x3"


def test_what_changes_from_minute_to_minute_is_no_part_of_it() -> None:
    assert linux_cpu(AMD) == linux_cpu(AMD.replace("2596", "3100").replace("5192", "6000"))


def test_this_machine_is_the_same_each_time_and_its_key_is_short() -> None:
    assert this_machine() == this_machine()
    assert len(this_machine().key) == 8
    assert all(this_machine().to_dict().values())


def test_another_processor_or_python_is_another_machine() -> None:
    first = Machine("a", "x86_64", "Linux", "CPython 3.11")
    keys = {
        first.key,
        Machine("b", "x86_64", "Linux", "CPython 3.11").key,
        Machine("a", "x86_64", "Linux", "CPython 3.12").key,
    }
    assert len(keys) == 3
    assert str(first) == "a, x86_64, Linux, CPython 3.11"


def test_an_interpreter_without_its_lock_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with_lock = this_machine()
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    this_machine.cache_clear()
    try:
        assert this_machine().python == f"{with_lock.python.removesuffix('t')}t"
    finally:
        this_machine.cache_clear()
