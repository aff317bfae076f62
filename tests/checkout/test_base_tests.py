"""The tests of the base: whether a pull request may have added a skip or an xfail to them."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path

import pytest
from repositories import commit

from pytest_perfbudget.checkout.base_policy import BasePolicy
from pytest_perfbudget.checkout.base_tests import BaseTests
from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.core.gate_options import GateOptions
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
    head = find_base(tmp_path, "HEAD")
    assert BaseTests(head, file.parent, file).settings_above == above
    assert BaseTests(head, file.parent).settings_above == ""
    policy = BasePolicy(head, file.parent, Settings(), is_enforced=True, configuration=file)
    with pytest.raises(ConfigError, match=rf"is new .* so {above} is not read") if above else nullcontext():
        policy.check_root()
    BasePolicy(head, file.parent, Settings(), is_enforced=False, configuration=file).check_root()


def test_the_settings_of_a_file_that_the_user_has_chosen_are_those_of_the_base_there(tmp_path: Path) -> None:
    files = {"pytest.ini": "[pytest]\naddopts = -q\n", "ci/own.ini": "[pytest]\naddopts = --ignore=old\n"}
    commit(tmp_path, files)
    head = find_base(tmp_path, "HEAD")
    chosen = BaseTests(head, tmp_path, tmp_path / "ci/own.ini", is_given=True)
    assert chosen.rules == chosen.own_rules
    assert not chosen.options_differ
    assert BaseTests(head, tmp_path, tmp_path / "ci/own.ini").options_differ  # pytest itself would find pytest.ini
    (tmp_path / "ci/own.ini").write_text("[pytest]\naddopts = --ignore=tests\n", "utf-8")
    assert BaseTests(head, tmp_path, tmp_path / "ci/own.ini", is_given=True).options_differ


@pytest.mark.parametrize(
    ("base", "options", "allowed", "said"),
    [
        ("-q", GateOptions(), (), ""),
        ("-q", GateOptions(gate="warn"), (), "--perf-gate=warn (base: fail)"),
        ("--perf-gate=warn", GateOptions(gate="warn"), (), ""),
        ("-q", GateOptions(gate="warn"), ("--perf-gate",), ""),  # the user's own choice
        (
            "--perf-strict --perf-require ready",
            GateOptions(),
            (),
            "no --perf-strict (base: given) and no --perf-require",
        ),
    ],
)
def test_weaker_options_of_a_pull_request_are_refused(
    tmp_path: Path, base: str, options: GateOptions, allowed: tuple[str, ...], said: str
) -> None:
    commit(tmp_path, {"pytest.ini": f"[pytest]\naddopts = {base}\n"})
    policy = BasePolicy(find_base(tmp_path, "HEAD"), tmp_path, Settings(), is_enforced=True)
    with pytest.raises(ConfigError, match=re.escape(f"its own gate by {said}")) if said else nullcontext():
        policy.check_options(options, allowed)
