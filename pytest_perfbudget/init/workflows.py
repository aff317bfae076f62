"""The workflow files for GitHub and GitLab, from the templates beside this module."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_perfbudget.init.file_change import FileChange, read
from pytest_perfbudget.init.layout import Installation

_TEMPLATES: Final = Path(__file__).parent / "templates"
GITHUB: Final = ".github/workflows/performance.yml"
SELF_TEST: Final = ".github/workflows/performance-self-test.yml"
COMMENT: Final = ".github/workflows/performance-comment.yml"
GITLAB: Final = ".gitlab/perfbudget.yml"
GITLAB_ROOT: Final = ".gitlab-ci.yml"
_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"


def github(installed: Installation, action: str) -> FileChange:
    """Return the workflow for pull requests.

    Args:
        installed: the commands and the place of the project.
        action: the reference of the action that runs the gate; empty for a workflow that runs pytest itself.
    """
    return _workflow(GITHUB, "github.yml", installed, action)


def self_test(installed: Installation, action: str) -> FileChange:
    """Return the scheduled workflow that plants a slowdown and fails if the gate does not see it.

    Args:
        installed: the commands and the place of the project.
        action: the reference of the action that runs the gate, or empty.
    """
    return _workflow(SELF_TEST, "github_self_test.yml", installed, action, is_self_test=True)


def comment(installed: Installation, action: str, plugin: str) -> FileChange:
    """Return the workflow that posts the verdict on the pull request.

    Args:
        installed: the place of the project.
        action: the reference of the action that runs the gate, beside which lies the one that comments; or empty.
        plugin: the requirement of the plugin, which needs no other package to comment; not used with an action.
    """
    folder, at, pin = action.partition("@")
    beside = f"{folder.rpartition('/')[0]}/perf-comment{at}{pin}"
    steps = (_TEMPLATES / f"github_comment_{'action' if action else 'steps'}.yml").read_text("utf-8")
    if action.startswith("."):  # the action of this repository itself, of its default branch
        steps = _first_step() + steps
    install = f"python -m pip install --no-deps {shlex.quote(plugin)}"
    values = {"@ACTION@": beside, "@INSTALL@": _as_yaml(install), "@PYTHON@": _PYTHON}
    for name, value in values.items():
        steps = steps.replace(name, value)
    text = (_TEMPLATES / "github_comment.yml").read_text("utf-8").replace("@STEPS@\n", steps)
    return _change(installed.top / COMMENT, text)


def _first_step() -> str:
    """Return the step of the self-test that checks the repository out, without its history."""
    text = (_TEMPLATES / "github_self_test.yml").read_text("utf-8")
    return text.partition("    steps:\n")[2].partition("      - uses: actions/setup-python")[0]


def gitlab(installed: Installation) -> Iterator[FileChange]:
    """Yield the file with the job for merge requests and, unless the project has one, the file that includes it."""
    enter = f"    - cd {installed.folder}\n" if installed.folder else ""
    yield _change(installed.top / GITLAB, _filled("gitlab.yml", installed).replace("@ENTER@", enter))
    if read(installed.top / GITLAB_ROOT) is None:
        yield _change(installed.top / GITLAB_ROOT, (_TEMPLATES / "gitlab_root.yml").read_text("utf-8"))


def lacks_include(top: Path) -> bool:
    """Return whether a repository has a .gitlab-ci.yml that does not include the job."""
    content = read(top / GITLAB_ROOT)
    return content is not None and GITLAB not in content


def _workflow(
    file: str, template: str, installed: Installation, action: str, *, is_self_test: bool = False
) -> FileChange:
    steps = _filled("github_action.yml" if action else "github_steps.yml", installed, action)
    if action and is_self_test:
        steps += '          self-test: "true"\n'
    if action and installed.folder:
        steps += f"          working-directory: {installed.folder}\n"
    steps = steps.replace("@SELF_TEST@", " --self-test" if is_self_test else "")
    folder = installed.folder.rstrip("/")
    defaults = f"    defaults:\n      run:\n        working-directory: {folder}\n" if folder else ""
    text = _filled(template, installed).replace("@STEPS@\n", steps).replace("@DEFAULTS@", defaults)
    return _change(installed.top / file, text)


def _filled(template: str, installed: Installation, action: str = "") -> str:
    text = (_TEMPLATES / template).read_text("utf-8")
    install = installed.by_pip if action else installed.install
    values = {
        "@INSTALL@": _as_yaml(install),
        "@RUN@": installed.run,
        "@FOLDER@": installed.folder,
        "@ACTION@": action,
        "@PYTHON@": _PYTHON,
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _as_yaml(command: str) -> str:
    """Return a command, quoted where YAML would read `: ` and ` #` in it as its own; JSON is YAML."""
    return json.dumps(command) if set(':#"') & set(command) else command


def _change(path: Path, text: str) -> FileChange:
    before = read(path)
    return FileChange(path, before, text, "" if before is None else "is there already, with other content")
