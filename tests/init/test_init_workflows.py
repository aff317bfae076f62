"""The workflow files: valid YAML with documented keywords, and commands that install and run the project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_perfbudget.gate.outputs import REPORTS
from pytest_perfbudget.init import workflows
from pytest_perfbudget.init.layout import declares_plugin, find_root, installation

GITLAB_JOB = {"stage", "image", "rules", "variables", "script", "artifacts"}
GITLAB_ARTIFACTS = {"when", "expire_in", "paths", "reports"}
GITLAB_REPORTS = {"junit", "codequality", "metrics"}
"""The keywords of GitLab's reference of the CI/CD syntax that the template uses, and no others."""


def parsed(text: str) -> Any:
    # `on` is a boolean in YAML 1.1, which PyYAML reads, and a text for GitHub.
    return yaml.safe_load(re.sub(r"(?m)^on:", '"on":', text))


PLUGIN = "pytest-perfbudget[html] @ git+https://example.org/shop.git@1234"


@pytest.mark.parametrize(
    ("files", "install", "before"),
    [
        ({}, f"pip install pytest '{PLUGIN}'", ""),
        ({"setup.py": ""}, f"pip install -e . pytest '{PLUGIN}'", ""),
        ({"pyproject.toml": '[project]\nname = "a"\n'}, f"pip install -e . pytest '{PLUGIN}'", ""),
        (
            {"pyproject.toml": '[project]\nname = "a"\noptional-dependencies.test = ["pytest-perfbudget"]\n'},
            'pip install -e ".[test]"',
            "",
        ),
        (
            {"pyproject.toml": '[project]\nname = "a"\n[dependency-groups]\ndev = ["pytest_perfbudget>=0.1"]\n'},
            "pip install -e . --group dev",
            "",
        ),
        ({"requirements.txt": "pytest\npytest-perfbudget\n"}, "pip install -r requirements.txt", ""),
        (
            {"pyproject.toml": "[project]\nname = 'a'\n", "uv.lock": ""},
            f"pip install uv && uv sync --all-groups --all-extras && uv pip install '{PLUGIN}'",
            "uv run --no-sync ",
        ),
        (
            {"pyproject.toml": "[tool.poetry]\nname = 'a'\n"},
            f"pip install poetry && poetry install --all-groups --all-extras && poetry run pip install '{PLUGIN}'",
            "poetry run ",
        ),
    ],
    ids=["nothing", "setup.py", "pyproject", "extra", "group", "requirements", "uv", "poetry"],
)
def test_both_files_install_what_the_layout_says_and_run_the_gate(
    files: dict[str, str], install: str, before: str, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    installed = installation(tmp_path, "" if declares_plugin(tmp_path) else PLUGIN)
    assert (installed.install, installed.run) == (install, before)
    github = parsed(workflows.github(installed, "").after)["jobs"]["performance"]
    assert [step["run"] for step in github["steps"] if "run" in step] == [install, f"{before}perfbudget gate"]
    gitlab = parsed(next(workflows.gitlab(installed)).after)["perfbudget"]
    assert gitlab["script"][0] == install
    assert gitlab["script"][1].startswith(f"{before}perfbudget gate -- -o junit_family=xunit1 --junitxml ")


def test_the_job_for_gitlab_has_documented_keywords_only(tmp_path: Path) -> None:
    job, root = (parsed(one.after) for one in workflows.gitlab(installation(tmp_path, PLUGIN)))
    (name,) = job
    assert set(job[name]) == GITLAB_JOB
    assert set(job[name]["artifacts"]) == GITLAB_ARTIFACTS
    assert set(job[name]["artifacts"]["reports"]) == GITLAB_REPORTS
    assert root == {"include": [{"local": workflows.GITLAB}]}
    written = f"{job[name]['script'][1]} {REPORTS}/"
    for file in [*job[name]["artifacts"]["reports"].values(), *job[name]["artifacts"]["paths"]]:
        assert file in written


def test_the_workflow_for_github_needs_read_access_only_and_pins_its_actions(tmp_path: Path) -> None:
    text = workflows.github(installation(tmp_path, PLUGIN), "").after
    workflow = parsed(text)
    types = ["opened", "synchronize", "reopened", "labeled", "unlabeled"]
    assert workflow["on"] == {"pull_request": {"types": types}}
    assert workflow["permissions"] == {}
    job = workflow["jobs"]["performance"]
    assert job["permissions"] == {"contents": "read"}
    uses = [step["uses"] for step in job["steps"] if "uses" in step]
    assert len(uses) == 3
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", one) for one in uses)
    assert "${{" not in "".join(step.get("run", "") for step in job["steps"])


@pytest.mark.parametrize("action", ["", "owner/repo/path@abc"])
def test_a_scheduled_workflow_tests_the_gate_in_the_same_layout(action: str, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "setup.py").write_text("", "utf-8")
    installed = installation(tmp_path / "shop", "" if action else PLUGIN)
    change = workflows.self_test(installed, action)
    assert change.path == tmp_path / workflows.SELF_TEST
    workflow = parsed(change.after)
    assert set(workflow["on"]) == {"schedule", "workflow_dispatch"}
    job = workflow["jobs"]["self-test"]
    assert job["permissions"] == {"contents": "read"}
    assert job["defaults"] == {"run": {"working-directory": "shop"}}
    if action:
        wanted = {"install": installed.by_pip, "self-test": "true", "working-directory": "shop/"}
        assert job["steps"][-1] == {"uses": action, "with": wanted}
    else:
        runs = [step["run"] for step in job["steps"] if "run" in step]
        assert runs == [installed.install, f"{installed.run}perfbudget gate --self-test"]


def test_a_workflow_that_may_write_comments_and_runs_nothing_of_the_pull_request(tmp_path: Path) -> None:
    change = workflows.comment(installation(tmp_path, PLUGIN), "", PLUGIN)
    assert change.path == tmp_path / workflows.COMMENT
    workflow = parsed(change.after)
    gate = parsed(workflows.github(installation(tmp_path, PLUGIN), "").after)
    assert workflow["on"] == {"workflow_run": {"workflows": [gate["name"]], "types": ["completed"]}}
    assert workflow["permissions"] == {}
    job = workflow["jobs"]["comment"]
    assert job["permissions"] == {"actions": "read", "pull-requests": "write"}
    assert not [step for step in job["steps"] if "checkout" in step.get("uses", "")]
    runs = [step["run"] for step in job["steps"] if "run" in step]
    assert runs == [f"python -m pip install --no-deps '{PLUGIN}'", "python -m pytest_perfbudget.gate.comment"]
    kept = gate["jobs"]["performance"]["steps"][-1]["with"]["name"]
    assert job["steps"][0]["with"]["name"] == kept


@pytest.mark.parametrize(
    ("action", "uses"),
    [
        ("owner/repo/.github/actions/perf-gate@abc", ["owner/repo/.github/actions/perf-comment@abc"]),
        ("$/.github/actions/perf-gate", ["$/.github/actions/perf-comment"]),
        ("./.github/actions/perf-gate", ["actions/checkout@", "./.github/actions/perf-comment"]),
    ],
)
def test_an_action_beside_that_of_the_gate_may_comment(tmp_path: Path, action: str, uses: list[str]) -> None:
    job = parsed(workflows.comment(installation(tmp_path, ""), action, "").after)["jobs"]["comment"]
    assert len(job["steps"]) == len(uses)
    assert all(step["uses"].startswith(start) for step, start in zip(job["steps"], uses, strict=True))


def test_an_action_gets_the_requirements_that_only_poetry_knows(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.poetry]\nname = 'a'\n", "utf-8")
    assert installation(tmp_path, "").by_pip == (
        "python -m pip install poetry && POETRY_VIRTUALENVS_CREATE=false poetry install --all-groups --all-extras"
        " && python -m pip install pytest"
    )
    file.write_text("[project]\nname = 'a'\n[tool.poetry]\n", "utf-8")
    assert installation(tmp_path, "").by_pip == "python -m pip install -e . pytest"


def test_an_action_may_run_the_gate(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "setup.py").write_text("", "utf-8")
    job = parsed(workflows.github(installation(tmp_path / "shop", ""), "owner/repo/path@abc").after)["jobs"][
        "performance"
    ]
    assert job["steps"][-1] == {
        "uses": "owner/repo/path@abc",
        "with": {"install": "python -m pip install -e . pytest", "working-directory": "shop/"},
    }


def test_the_root_is_the_nearest_configured_folder_within_the_repository(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("", "utf-8")
    inner = tmp_path / "repository" / "deep"
    inner.mkdir(parents=True)
    assert find_root(inner) == tmp_path
    (tmp_path / "repository" / ".git").mkdir()
    assert find_root(inner) == tmp_path / "repository"
    (inner / "setup.cfg").write_text("", "utf-8")
    assert find_root(inner) == inner
