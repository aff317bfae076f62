"""The part of a suite that a session runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from scripting import Project

from pytest_perfbudget.plugin.reporting.part import part_of

VARIABLES = ("CI_NODE_INDEX", "CI_NODE_TOTAL", "CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL")


@pytest.mark.parametrize(
    ("options", "variables", "part"),
    [
        ({}, {}, None),
        ({"splits": 4, "group": 3}, {}, (3, 4)),
        ({"splits": None, "group": None}, {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "5"}, (2, 5)),
        ({"num_shards": 4, "shard_id": 0}, {}, (1, 4)),
        ({"num_shards": 1, "shard_id": 0}, {"CIRCLE_NODE_INDEX": "1", "CIRCLE_NODE_TOTAL": "2"}, (2, 2)),
        ({}, {"CIRCLE_NODE_INDEX": "0", "CIRCLE_NODE_TOTAL": "1"}, None),
        ({}, {"CI_NODE_INDEX": "two", "CI_NODE_TOTAL": "5"}, None),
        ({"group": "mine"}, {}, None),
        ({"splits": 4, "group": 7}, {}, None),
    ],
)
def test_the_options_of_plugins_tell_it_before_the_variables_of_services(
    options: dict[str, Any], variables: dict[str, str], part: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert part_of(cast("pytest.Config", SimpleNamespace(option=SimpleNamespace(**options)))) == part


def test_a_report_has_the_part_of_its_session(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    project.run("def test_plain(): pass")
    assert (project.report["session"]["part"], project.report["session"]["parts"]) == (None, None)
    monkeypatch.setenv("CI_NODE_INDEX", "2")
    monkeypatch.setenv("CI_NODE_TOTAL", "4")
    project.run("def test_plain(): pass")
    assert (project.report["session"]["part"], project.report["session"]["parts"]) == (2, 4)
