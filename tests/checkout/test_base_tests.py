"""The tests of the base: whether a pull request may have added a skip or an xfail to them."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import commit

from pytest_perfbudget.checkout.base_tests import BaseTests
from pytest_perfbudget.checkout.revision import find_base

TESTS = """
from marks import mark
import shop

@mark
def test_plain(perf): perf(shop.price)

@pytest.mark.skipif(sys.platform == "win32", reason="posix")
def test_posix(perf): perf(shop.price)
"""
SKIP = "import pytest\nmark = pytest.mark.skip\n"


@pytest.mark.parametrize(
    ("changed", "is_added"),
    [
        ({"shop.py": "import pytest\npytest.skip()\n"}, True),
        ({"shop.py": "# a remark\n"}, False),
        ({"marks.py": SKIP}, True),
        ({"tools/__init__.py": SKIP}, True),  # named in conftest.py
        ({"other.py": SKIP}, False),  # named nowhere
        ({"test_other.py": "import pytest\npytest.skip()\n"}, False),
        ({"test_shop.py": TESTS.replace("@mark", "@pytest.mark.skip")}, True),
        ({"conftest.py": "import tools\n# changed\n"}, True),
        ({"pytest.ini": "[pytest]\nusefixtures = skipping\n"}, True),
        ({"README.md": "skip\n"}, False),
    ],
)
def test_a_skip_that_the_base_does_not_have_is_found(
    tmp_path: Path, changed: dict[str, str], *, is_added: bool
) -> None:
    files = {"test_shop.py": TESTS, "marks.py": "def mark(test): return test\n", "conftest.py": "import tools\n"}
    commit(tmp_path, {**files, "shop.py": "", "tools/__init__.py": "", "other.py": ""})
    for name, text in changed.items():
        (tmp_path / name).write_text(text, "utf-8")
    tests = BaseTests(find_base(tmp_path, "HEAD"), tmp_path)
    assert tests.adds("test_shop.py::test_plain", "skip") is is_added
    assert not tests.adds("test_shop.py::test_posix", "skip")  # the base's own skip
