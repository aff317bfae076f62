"""The digest of a function's code is the same on both sides exactly if the function is."""

from __future__ import annotations

import subprocess
import sys
from types import CodeType

import pytest

from pytest_perfbudget.measure.code_digest import code_digest, joined

WORK = "def work(rows, limit=3):\n    total = [row * 2 for row in rows]\n    return sum(total) if limit in {1, 2, 'a', 'b'} else 7\n"


def digest(source: str, file: str = "shop.py") -> int:
    found = compile(source, file, "exec").co_consts
    return code_digest(next(one for one in found if isinstance(one, CodeType) and one.co_name == "work"))


def test_a_function_that_was_moved_has_the_same() -> None:
    assert digest(WORK) == digest("# a comment\n\n\n" + WORK, "store.py")


@pytest.mark.parametrize(
    ("old", "new"), [("7", "8"), ("* 2", "* 3"), ("sum(", "max("), ("'b'", "'c'"), ("return sum", "return 1 + sum")]
)
def test_a_function_that_was_changed_has_another(old: str, new: str) -> None:
    assert digest(WORK.replace(old, new)) != digest(WORK)


def test_a_function_within_is_a_function_of_its_own() -> None:
    around = "def work():\n    def price():\n        return {}\n    return price\n"
    assert digest(around.format(1)) == digest(around.format(2))


def test_the_hash_seed_has_no_part() -> None:
    code = (
        "from pytest_perfbudget.measure.code_digest import code_digest\n"
        f"print(code_digest(compile({WORK!r}, 'shop.py', 'exec').co_consts[1]))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3", "4")
    }
    assert len(found) == 1


def test_functions_of_one_name_have_one_together_in_any_order() -> None:
    first, second, third = (digest(WORK.replace("7", str(number))) for number in (7, 8, 9))
    assert joined(joined(first, second), third) == joined(joined(third, first), second) != joined(first, second)
