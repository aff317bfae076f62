"""The committed baseline of a project under test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripting import Project


def baseline_file(project: Project) -> Path:
    return project.pytester.path / "perf-baseline.json"


def profiles_file(project: Project) -> Path:
    return project.pytester.path / "perf-baseline.calls.json"


def lines(project: Project) -> dict[str, dict[str, Any]]:
    """Return the lines of the baseline, by test name and measurement name."""
    document = json.loads(baseline_file(project).read_text("utf-8"))
    return {
        f"{line['test'].partition('::')[2]} {line.get('name', '')}".rstrip(): line for line in document["measurements"]
    }


def machine_key(project: Project) -> str:
    """Return the name that the one machine of the baseline has in it."""
    (key,) = json.loads(baseline_file(project).read_text("utf-8"))["machines"]
    return str(key)


def edit_baseline(project: Project, old: str, new: str) -> None:
    """Replace a text that stands in the baseline."""
    text = baseline_file(project).read_text("utf-8")
    assert old in text
    baseline_file(project).write_text(text.replace(old, new), "utf-8")
