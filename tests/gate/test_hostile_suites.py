"""`perfbudget gate` on pull requests whose suites want to be green: code twice as slow, and a way to hide that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pull_requests import Origin
from scripting import CONFTEST, SCRIPTED

pytestmark = pytest.mark.slow

SHOP = "import os\nfrom scripted import advance\ndef price():\n    advance(2 if {} else 1)\n"
SLOWER, SLOWER_UNLESS_QUICK = SHOP.format("True"), SHOP.format("'QUICK' not in os.environ")
TESTS = "from shop import price\ndef test_price(perf):\n    perf(price, max_ms=50)\n"
INI = "[pytest]\npythonpath = .\n"
SETS_VARIABLE = "\nimport os\nos.environ['QUICK'] = '1'\n"
REPORT = """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport():
    report = yield
    report.outcome = "passed"
    {}
    return report
"""
BASE = {
    "shop.py": SHOP.format("False"),
    "tests/test_shop.py": TESTS,
    "pytest.ini": INI,
    "scripted.py": SCRIPTED,
    "conftest.py": CONFTEST,
    ".gitignore": "__pycache__\nperf-report\n.pytest_cache\n",
}
REGRESSED, ERROR = 1, 2


def in_conftest(text: str) -> dict[str, str]:
    return {"conftest.py": CONFTEST + text}


@pytest.mark.parametrize(
    ("head", "code"),
    [
        pytest.param(in_conftest(REPORT.format("")), REGRESSED, id="reports that say passed"),
        pytest.param(in_conftest(REPORT.format("del report.perfbudget")), ERROR, id="reports without numbers"),
        pytest.param(
            in_conftest("@pytest.hookimpl(trylast=True)\ndef pytest_sessionfinish(session): session.exitstatus = 0\n"),
            REGRESSED,
            id="an exit status of 0",
        ),
        pytest.param(
            in_conftest("import os\ndef pytest_unconfigure(): os._exit(0)\n"), REGRESSED, id="an end of the process"
        ),
        pytest.param(in_conftest("def pytest_pyfunc_call(): return True\n"), ERROR, id="tests that are not called"),
        pytest.param(
            in_conftest("@pytest.hookimpl(tryfirst=True)\ndef pytest_runtestloop(): return True\n"),
            ERROR,
            id="a session without tests",
        ),
        pytest.param(
            in_conftest(
                "from pathlib import Path\ndef pytest_unconfigure(): Path('perf-report/report.json').unlink()\n"
            ),
            ERROR,
            id="no report",
        ),
        pytest.param(
            {**in_conftest(SETS_VARIABLE), "shop.py": SLOWER_UNLESS_QUICK}, ERROR, id="a variable of a conftest.py"
        ),
        pytest.param(
            {"pytest.ini": f"{INI}addopts = -p quick\n", "quick.py": SETS_VARIABLE, "shop.py": SLOWER_UNLESS_QUICK},
            ERROR,
            id="a variable of a plugin",
        ),
    ],
)
def test_slower_code_is_never_green(tmp_path: Path, head: dict[str, str], code: int) -> None:
    opened = Origin.make(tmp_path, BASE).open({"shop.py": SLOWER, **head})
    lean = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_perfbudget.plugin.hooks"}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest_perfbudget", "gate"],
        cwd=opened.checkout(tmp_path / "work"),
        env={**os.environ, **opened.environment(tmp_path), **lean},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
