"""Takes each optimisation of the example away in a commit, and shows that both gates find that and name the function.

    python tests/benchmarks/switches.py [--output switches.json] [token-cache ...]

In a clone of this repository the baseline of the affected tests is measured anew and committed. Then each switch
becomes a commit, which the baseline and a duet (`--perf-against main`) have to catch, with the component's function in
the failure text, and the span report has to show the component's span. The first row is the twin: a commit that changes
no code, with all of these tests. The exit code is 1 if a row is not as it has to be. Let nothing else run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT / "example_project"), str(ROOT / "example_project/tests")]

from agent_hive.switches import Optimisation  # noqa: E402
from branches import commit, git  # noqa: E402 - a neighbour
from switch_culprits import CULPRITS, Culprit, span_cpu_ns  # noqa: E402 - the example's own list

AGAINST = "--perf-against=main"
CLEAN = "no change of code"


@dataclass(frozen=True)
class Gate:
    """What one gate said of the affected tests: the worst verdict, the ratio of its time, the failure text."""

    verdict: str
    ratio: float | None
    text: str

    @property
    def is_red(self) -> bool:
        return self.verdict == "regressed"

    def cell(self) -> str:
        return self.verdict if self.ratio is None else f"{self.verdict} {self.ratio:.3g}x"


@dataclass(frozen=True)
class Row:
    """What was said of one commit."""

    switch: str
    test: str
    baseline: Gate
    duet: Gate
    named: bool
    span: str
    seconds: float

    @property
    def is_right(self) -> bool:
        if self.switch == CLEAN:
            return not (self.baseline.is_red or self.duet.is_red)
        return self.baseline.is_red and self.duet.is_red and self.named and bool(self.span)


def session(folder: Path, tests: Iterable[str], *arguments: str) -> tuple[dict[str, Any], str]:
    """Run some tests of the example; return the JSON report and what was printed."""
    report = folder.parent.parent / "report.json"  # beside the clone
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-p", "perfbudget", "-q", "--perf-only", f"--perf-output={report}"]
    lean = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # a session starts dozens of processes
    ended = subprocess.run(
        [*command, *tests, *arguments], cwd=folder, env=lean, capture_output=True, text=True, check=False
    )
    if ended.returncode not in (0, 1) or not report.exists():
        sys.exit(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")
    return json.loads(report.read_text("utf-8")), ended.stdout


def gate(folder: Path, tests: Sequence[str], *arguments: str) -> Gate:
    document, text = session(folder, tests, *arguments)
    changes = [change for one in document["measurements"] for change in one["changes"] if change["metric"] == "time"]
    verdicts = {change["verdict"] for one in document["measurements"] for change in one["changes"]}
    verdict = "regressed" if "regressed" in verdicts else ", ".join(sorted(verdicts)) or "nothing compared"
    return Gate(verdict, changes[0]["ratio"] if len(tests) == 1 and changes else None, failures(text))


def failures(text: str) -> str:
    return text.partition("= performance budgets =")[0]


def span_times(folder: Path, test: str) -> Mapping[str, float]:
    document, _ = session(folder, [test], "--perf-spans", "--perf-gate=warn")
    return span_cpu_ns(document["measurements"][0])


def span_cell(culprit: Culprit, before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Return the growth of the component's span; empty if it did not grow by half."""
    was, now = before.get(culprit.span, 0.0), after.get(culprit.span, 0.0)
    return f"{culprit.span} {was / 1e3:.0f} -> {now / 1e3:.0f} us" if now > 1.5 * was else ""


def switch_off(folder: Path, optimisation: Optimisation) -> None:
    file = folder / "agent_hive/switches.py"
    text = file.read_text("utf-8")
    changed = text.replace('os.environ.get(VARIABLE, "")', f'os.environ.get(VARIABLE, "{optimisation.value}")')
    assert changed != text
    file.write_text(changed, "utf-8")


def table(rows: Iterable[Row]) -> str:
    lines = [
        "| switch | test | against the baseline | in a duet | named function | span | s |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        function = CULPRITS[Optimisation(one.switch)].function if one.named else "-"
        lines.append(
            f"| {one.switch} | {one.test.rpartition('::')[2]} | {one.baseline.cell()} | {one.duet.cell()} "
            f"| {function} | {one.span or '-'} | {one.seconds:.0f} |"
        )
    return "\n".join(lines)


def measured(folder: Path, optimisation: Optimisation, complete: Mapping[str, Mapping[str, float]]) -> Row:
    """Commit the example without an optimisation, and hear what is said of that."""
    start_s = time.monotonic()
    culprit = CULPRITS[optimisation]
    git(folder, "checkout", "--quiet", "-B", "branch", "main")
    switch_off(folder, optimisation)
    commit(folder, f"without {optimisation.value}")
    baseline, duet = gate(folder, [culprit.test]), gate(folder, [culprit.test], AGAINST)
    named = all(culprit.function in one.text for one in (baseline, duet))
    span = span_cell(culprit, complete[culprit.shown_by], span_times(folder, culprit.shown_by))
    return Row(optimisation.value, culprit.test, baseline, duet, named, span, time.monotonic() - start_s)


def clean(folder: Path) -> Row:
    """Commit a change of no code, and hear what is said of all the tests."""
    start_s = time.monotonic()
    git(folder, "checkout", "--quiet", "-B", "branch", "main")
    file = folder / "agent_hive/switches.py"
    file.write_text(file.read_text("utf-8") + "# All is on.\n", "utf-8")
    commit(folder, CLEAN)
    tests = [one.test for one in CULPRITS.values()]
    baseline, duet = gate(folder, tests), gate(folder, tests, AGAINST)
    return Row(CLEAN, f"all {len(tests)}", baseline, duet, named=False, span="", seconds=time.monotonic() - start_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("switches", nargs="*", help="the switches (default: all, and the twin)")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    wanted = [Optimisation(name) for name in options.switches] or list(CULPRITS)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as parent:
        clone = Path(parent, "clone")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        git(clone, "checkout", "--quiet", "-B", "main")
        folder = clone / "example_project"
        session(folder, [CULPRITS[one].test for one in wanted], "--perf-update-baseline", "--perf-reason=this machine")
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--allow-empty", "-m", "baseline of this machine")
        complete = {test: span_times(folder, test) for test in dict.fromkeys(CULPRITS[one].shown_by for one in wanted)}
        if not options.switches:
            rows.append(clean(folder))
        for optimisation in wanted:
            print(f"{optimisation.value} ...", file=sys.stderr, flush=True)
            rows.append(measured(folder, optimisation, complete))
            if options.output:
                options.output.write_text(json.dumps([asdict(one) for one in rows], indent=1), "utf-8")
    print(table(rows))
    wrong = [one for one in rows if not one.is_right]
    for one in wrong:
        print(f"\n{one.switch}\n{one.baseline.text}\n{one.duet.text}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
