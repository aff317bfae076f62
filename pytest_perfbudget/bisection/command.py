"""The command `perfbudget bisect`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from pytest_perfbudget.bisection.bad_checkout import bad_checkout
from pytest_perfbudget.bisection.commits import commits_between
from pytest_perfbudget.bisection.search import Search
from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.errors import BisectionError
from pytest_perfbudget.processes.interruption import interruptible
from pytest_perfbudget.report.bisection import result_lines
from pytest_perfbudget.report.printable import printable

_MOST_DUETS: Final = 40
_RANGE: Final = 1
"""The exit code for a range of commits."""


def add_bisect_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command `bisect`."""
    parser = commands.add_parser(
        "bisect",
        help="find the commit that made a test slower",
        description="Compares the bad commit with commits since the good one, each in a duet of processes, until the "
        "first slow commit is known. The working tree is not touched. Exit code: 0 if the commit is known, 1 for a "
        "range of commits, 2 if bad is not slower than good, or after an error.",
    )
    parser.add_argument("test", metavar="TEST", help="a test as pytest takes it, such as tests/test_api.py::test_login")
    parser.add_argument("--good", required=True, metavar="REF", help="a commit before the slowdown, such as v1.2")
    parser.add_argument("--bad", default="HEAD", metavar="REF", help="a commit with the slowdown (HEAD)")
    parser.add_argument("--name", metavar="NAME", help="the measurement, if the test makes several")
    parser.add_argument(
        "--max-duets", type=_positive, default=_MOST_DUETS, metavar="N", help="stop after N duets (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON, and the steps to standard error")
    parser.set_defaults(run=_bisect)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"expected a whole number from 1, found {text!r}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _bisect(options: argparse.Namespace) -> int:
    output = sys.stderr if options.json else sys.stdout

    def say(line: str) -> None:
        unicode = "utf" in (output.encoding or "").lower()
        output.write(f"{printable(line, unicode=unicode)}\n")
        output.flush()

    folder = Path.cwd()
    good, bad = find_base(folder, options.good), find_base(folder, options.bad)
    search = Search(good, bad, commits_between(good, bad), say)
    with interruptible(), bad_checkout(bad, folder, options.test) as checkout:
        result = search.run(checkout, options.name, options.max_duets)
    if options.json:
        sys.stdout.write(json.dumps(result.to_dict(), indent=1) + "\n")
    if result.problem:
        raise BisectionError(result.problem)
    if not options.json:
        for line in result_lines(result):
            say(line)
    return 0 if result.is_found else _RANGE
