"""A signal that ends `perfbudget gate`, as a runner sends after a timeout, leaves nothing of the gate behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from repositories import IGNORED, commit, git

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no such signals")

SHOP = """
import os
from threading import Event

def price():
    if "PERFBUDGET_FRESH" in os.environ:
        open({pipe!r}, "w").write("x")
        Event().wait()
"""
TESTS = "import shop\ndef test_price(perf): perf(shop.price)\n"


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["", "in the background"])
def ignores_sigint(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Ignore SIGINT in started processes, as those do that a shell starts in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN if request.param else signal.default_int_handler)
    yield request.param
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ignores_sigint")
@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (["--base=HEAD~1"], signal.SIGTERM),
        pytest.param(["--self-test"], signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(["--base=HEAD~1"], signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_a_signal_leaves_no_checkout_no_process_and_no_planted_slowdown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pipe: int, arguments: list[str], number: signal.Signals
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_perfbudget.plugin.hooks")
    project = tmp_path / "project"
    ini = "[pytest]\npythonpath = .\n"
    commit(project, {"shop.py": "", "pytest.ini": ini, ".gitignore": f"{IGNORED}perf-report\n"})
    commit(project, {"shop.py": SHOP.format(pipe=str(tmp_path / "pipe")), "test_shop.py": TESTS})
    commit(project, {"shop.py": SHOP.format(pipe=str(tmp_path / "pipe")) + "\n"})
    command = [sys.executable, "-m", "pytest_perfbudget", "gate", *arguments]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as gate:
        assert select.select([pipe], [], [], 60)[0]
        started = psutil.Process(gate.pid).children(recursive=True)
        assert git(project, "worktree", "list").count("\n") == 1
        assert bool(git(project, "status", "--porcelain")) is ("--self-test" in arguments)
        gate.send_signal(number)  # to the command alone, and not to the session that it has started
        _, errors = gate.communicate(timeout=60)
    assert gate.returncode == 130
    assert errors.endswith("perfbudget: interrupted\n")
    assert psutil.wait_procs(started, 60)[1] == []
    assert git(project, "worktree", "list").count("\n") == 0
    assert git(project, "status", "--porcelain") == ""
