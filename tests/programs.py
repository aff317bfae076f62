"""The programs under test of several files."""

from __future__ import annotations

import json
from typing import Any

from scripting import Project

FAST = """
[tool.perfbudget]
baseline_runs = 2
"""

TWO = """
import os, sys
SLOW = float(os.environ.get("SLOW", "1"))

@pytest.mark.perf_budget
def test_body():
    advance(0.1 * SLOW)

def test_call(perf):
    perf(advance, 0.2, name="step")

def test_ordinary(): pass
"""


def lines(project: Project) -> dict[str, dict[str, Any]]:
    document = json.loads((project.pytester.path / "perf-baseline.json").read_text("utf-8"))
    return {
        f"{line['test'].partition('::')[2]} {line.get('name', '')}".rstrip(): line for line in document["measurements"]
    }


def in_turn(*factors: float) -> str:
    """Return `TWO` with a body that takes another multiple of its time in each fresh process."""
    count = "if 'bootstrap' in sys.argv[0]:\n    with open('runs', 'a') as file: file.write('x')\n"
    number = "len(open('runs').read()) if os.path.exists('runs') else 1"
    return TWO.replace("SLOW =", f"{count}SLOW = {list(factors)}[(({number}) - 1) % {len(factors)}] #")


SHOP = "from scripted import advance\n\ndef work():\n    advance(1)\n"
SLOWER = SHOP.replace("advance(1)", "advance(1.1)")
TESTS = """
import shop

@pytest.mark.perf_budget
def test_body():
    shop.work()

def test_call(perf):
    perf(shop.work, name="step")

def test_timer(perf):
    for _ in range(60):
        with perf.timer("loop"):
            shop.work()
"""
AGAINST = ("--perf-against", "HEAD")
XDIST = ("-p", "xdist.plugin", "-n", "2")
TURNS = '[tool.perfbudget.duet]\nmode = "sequential"\n'
