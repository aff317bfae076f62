"""The tests of the base: whether a pull request may have added a skip or an xfail to them."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
from repositories import commit

from pytest_perfbudget.checkout.base_policy import BasePolicy
from pytest_perfbudget.checkout.base_tests import BaseTests
from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.errors import ConfigError

TESTS = """
from marks import mark
import shop

@mark
def test_plain(perf): perf(shop.price)

@pytest.mark.skipif(sys.platform == "win32", reason="posix")
def test_posix(perf): perf(shop.price)
"""
TABLE = "[tool.perfbudget]\nmax_regression = '2%'\n"
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


@pytest.mark.parametrize(
    ("base", "configuration", "above"),
    [
        ({"pyproject.toml": TABLE}, "tests/pytest.ini", "pyproject.toml"),
        ({"tox.ini": "[pytest]\n"}, "tests/setup.cfg", "tox.ini"),
        ({"pyproject.toml": TABLE, "tests/pytest.ini": ""}, "tests/pytest.ini", ""),  # as before
        ({"pyproject.toml": TABLE, "tests/tox.ini": "[pytest]\n"}, "tests/pytest.ini", ""),  # the same root folder
        ({"pyproject.toml": TABLE}, "pyproject.toml", ""),
        ({"pyproject.toml": "[project]\n"}, "tests/pytest.ini", ""),  # no settings are cut off
    ],
)
def test_a_new_root_folder_cuts_the_settings_of_the_base_off(
    tmp_path: Path, base: dict[str, str], configuration: str, above: str
) -> None:
    commit(tmp_path, {**base, "tests/test_a.py": ""})
    file = tmp_path / configuration
    tests = BaseTests(find_base(tmp_path, "HEAD"), file.parent)
    assert tests.settings_above(file) == above
    assert tests.settings_above(None) == ""
    policy = BasePolicy(find_base(tmp_path, "HEAD"), file.parent, Settings(), is_enforced=True)
    with pytest.raises(ConfigError, match=rf"is new .* so {above} is not read") if above else nullcontext():
        policy.check_root(file)
    BasePolicy(find_base(tmp_path, "HEAD"), file.parent, Settings(), is_enforced=False).check_root(file)
