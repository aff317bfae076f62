"""The cost of counting bytecode instructions: the time of a counted execution, as a multiple of a plain execution.

    python tests/benchmarks/instruction_cost.py

Needs no more than the package itself, so other versions of Python can run it with the project's folder in PYTHONPATH.
Prints a row of a table for each kernel: medians of interleaved repetitions.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import time
from collections.abc import Callable
from statistics import median

from pytest_perfbudget.measure.instruction_counter import instruction_counter

MOST = 10_000_000
ROWS = [{"name": f"item {number}", "price": number} for number in range(200)]
TEXT = json.dumps(ROWS)
WORDS = [f"word {number % 50}" for number in range(300)]


def empty_loop() -> None:
    """Loop without work."""
    for _ in range(10_000):
        pass


def unique_words() -> list[str]:
    """Search a list again and again."""
    found: list[str] = []
    for word in WORDS:
        if word not in found:
            found.append(word)
    return found


def fibonacci(number: int = 16) -> int:
    """Call a function recursively."""
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


def objects() -> int:
    """Make small dictionaries and read them."""
    return sum(row["price"] for row in [{"price": number, "share": number // 2} for number in range(1_000)])


def parse_json() -> object:
    """Parse and write JSON, in C."""
    return json.dumps(json.loads(TEXT))


def regular_expression() -> list[str]:
    """Search a text, in C."""
    return re.findall(r"item (\d+)", TEXT)


KERNELS: dict[str, Callable[[], object]] = {
    "empty loop": empty_loop,
    "search in a list": unique_words,
    "recursive calls": fibonacci,
    "small dictionaries": objects,
    "JSON (in C)": parse_json,
    "regular expression (in C)": regular_expression,
}


def plain_ns(kernel: Callable[[], object]) -> int:
    """Return the time of a plain execution, in ns; the execution before warms the interpreter up again."""
    kernel()
    start = time.perf_counter_ns()
    kernel()
    return time.perf_counter_ns() - start


def counted_ns(kernel: Callable[[], object]) -> tuple[int, int]:
    """Return the time of a counted execution with start and stop, in ns, and the number of instructions."""
    counter = instruction_counter(MOST)
    start = time.perf_counter_ns()
    counter.start()
    kernel()
    counter.stop()
    elapsed_ns = time.perf_counter_ns() - start
    return elapsed_ns, sum(sum(runs) for _, runs in counter.runs())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=15)
    options = parser.parse_args()
    times: dict[str, list[tuple[int, int, int]]] = {name: [] for name in KERNELS}
    for _ in range(options.repetitions):
        for name, kernel in KERNELS.items():
            times[name].append((plain_ns(kernel), *counted_ns(kernel)))
    print(f"CPython {platform.python_version()}")
    print("| kernel | plain | counted | ratio | instructions | ns for each |")
    print("|---|---|---|---|---|---|")
    for name, rows in times.items():
        plain, counted, number = (median(one) for one in zip(*rows, strict=True))
        each = (counted - plain) / max(number, 1)
        print(
            f"| {name} | {plain / 1e3:.0f} us | {counted / 1e3:,.0f} us | {counted / plain:.1f} | {number:,.0f}"
            f" | {each:.0f} |"
        )


if __name__ == "__main__":
    main()
