"""Each version of CPython counts the same number of instructions in each execution, and in each process."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import pytest_perfbudget

PROGRAM = """
import asyncio, sys, threading
sys.path.insert(0, sys.argv[1])
from pytest_perfbudget.measure.counting import count_executions
from pytest_perfbudget.measure.runner import run_plain
from pytest_perfbudget.measure.subject import AsyncSubject, PlainSubject

WANTED = {"instructions": lambda _: False}

def squares(numbers):
    for number in range(numbers):
        yield number * number

def work():
    words = sorted(str(number) for number in range(50))
    try:
        len(words) // 0
    except ZeroDivisionError:
        first, *rest = words
    return {word: [int(word) for _ in range(3)] for word in rest}, sum(squares(100)), f"{first}"

def in_a_thread():
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

async def waits():
    async def numbers():
        for number in range(5):
            yield number
            await asyncio.sleep(0)
    return [number async for number in numbers()]

def count(function):
    return run_plain(count_executions(PlainSubject(function), WANTED)).counts["instructions"]

def count_in_a_thread():  # the instructions of Thread.start depend on which thread is faster
    found = run_plain(count_executions(PlainSubject(in_a_thread), WANTED)).instructions
    return [one.count for one in found if one.function.endswith(":work")]

async def count_awaited():
    return (await count_executions(AsyncSubject(waits), WANTED)).counts["instructions"]

cold = [count(work), count_in_a_thread(), asyncio.run(count_awaited())]
for _ in range(100):
    work()
warm = [count(work), count_in_a_thread(), asyncio.run(count_awaited())]
print(cold, warm, sep=";")
"""


def interpreter(version: str) -> Path | None:
    installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    return installed[-1] if installed else None


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_cold_and_specialised_code_has_the_same_number_in_each_process(version: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"pyenv has no CPython {version}")
    folder = str(Path(pytest_perfbudget.__file__).parents[1])
    shown = []
    for seed in ("1", "2"):
        command = [str(python), "-c", PROGRAM, folder]
        found = subprocess.run(
            command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, timeout=60, check=True
        )
        shown += found.stdout.strip().split(";")
    assert len(shown) == 4
    assert len(set(shown)) == 1
