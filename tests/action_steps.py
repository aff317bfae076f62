"""A runner for the steps of a composite action: the shell runs them as on GitHub, with its variables and conditions.

Steps that use other actions are noted and not run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
ACTION = ROOT / ".github/actions/perf-gate/action.yml"


@dataclass
class ActionRun:
    """The end of a run: the exit code of the first step that failed, what was printed, and the outputs."""

    code: int
    output: str
    outputs: dict[str, str]
    ran: list[str] = field(default_factory=list)
    summary: str = ""


def run_action(
    workspace: Path, environment: Mapping[str, str], inputs: Mapping[str, str] | None = None, *, action: Path = ACTION
) -> ActionRun:
    """Run the steps of the action in a checkout.

    Args:
        workspace: the checkout.
        environment: the variables of the job.
        inputs: the inputs that the workflow gives.
        action: the file of the action.
    """
    described: dict[str, Any] = yaml.safe_load(action.read_text("utf-8"))
    given = {name: str(one.get("default", "")) for name, one in described["inputs"].items()} | dict(inputs or {})
    context: dict[str, str] = {f"inputs.{name}": value for name, value in given.items()}
    context |= {"github.action_path": str(action.parent), "github.token": ""}
    run = ActionRun(0, "", {})
    output = Path(environment["GITHUB_OUTPUT"])
    # `python` of the job is the interpreter of these tests.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "PYTEST_", "COV_"))}
    for step in described["runs"]["steps"]:
        if "if" in step and not holds(step["if"], context, failed=run.code != 0):
            continue
        if run.code and "if" not in step:
            continue
        run.ran.append(step["name"])
        if "uses" in step:
            continue
        output.write_text("", "utf-8")
        own = {name: expanded(value, context) for name, value in step.get("env", {}).items()}
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=workspace / expanded(step["working-directory"], context),
            env={**kept, **environment, "PATH": path, **own},
            capture_output=True,
            text=True,
            check=False,
        )
        run.output += ended.stdout + ended.stderr
        run.code = run.code or ended.returncode
        for line in output.read_text("utf-8").splitlines():
            name, _, value = line.partition("=")
            context[f"steps.{step['id']}.outputs.{name}"] = value
    run.outputs = {name: expanded(one["value"], context) for name, one in described["outputs"].items()}
    summary = Path(environment["GITHUB_STEP_SUMMARY"])
    run.summary = summary.read_text("utf-8") if summary.exists() else ""
    return run


def expanded(text: object, context: Mapping[str, str]) -> str:
    """Return a value with its expressions replaced; an expression is a name, or several with `||` between them."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _first(found[1], context), str(text))


def holds(condition: str, context: Mapping[str, str], *, failed: bool) -> bool:
    """Return whether the condition of a step holds; comparisons with `&&` between them."""
    parts = [one.strip() for one in condition.split("&&")]
    if failed and "always()" not in parts:
        return False
    return all(one == "always()" or _compared(one, context) for one in parts)


def _compared(text: str, context: Mapping[str, str]) -> bool:
    name, operator, value = text.split(" ", 2)
    return (_value(name, context) == _value(value, context)) is (operator == "==")


def _first(text: str, context: Mapping[str, str]) -> str:
    return next((found for one in text.split("||") if (found := _value(one.strip(), context))), "")


def _value(text: str, context: Mapping[str, str]) -> str:
    return text[1:-1] if text.startswith("'") else context.get(text, "")
