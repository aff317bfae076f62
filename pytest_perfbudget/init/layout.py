"""The layout of a project: its root folder, its tables, and the commands that install it for its tests."""

from __future__ import annotations

import configparser
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.init.file_change import read
from pytest_perfbudget.init.plugin_requirement import PLUGIN

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_CONFIGURATIONS: Final = ("pyproject.toml", "pytest.ini", "pytest.toml", "tox.ini", "setup.cfg", "setup.py")
_GROUPS: Final = ("perf", "test", "tests", "testing", "dev")
"""The names under which projects list the requirements of their tests, in the order in which they are looked for."""
_REQUIREMENTS: Final = ("requirements-test.txt", "requirements-dev.txt", "requirements/test.txt", "requirements.txt")


@dataclass(frozen=True, slots=True)
class Installation:
    """The commands of a workflow.

    Attributes:
        install: the command that installs the project, pytest and the plugin.
        by_pip: the command that installs the project and pytest by pip, for an action that adds the plugin.
        run: what stands before `perfbudget`, with a space at its end; empty for the environment of the runner.
        is_declared: whether the project names the plugin among its requirements.
        top: the top of the repository, or the project's own folder outside a repository.
        folder: the path from `top` to the project, with a slash at its end; empty at the top.
    """

    install: str
    by_pip: str
    run: str
    is_declared: bool
    top: Path
    folder: str


def find_root(folder: Path) -> Path:
    """Return the nearest folder with a configuration file, from `folder` up to the top of its repository.

    Without such a file the result is the top of the repository, and without a repository the folder itself.
    """
    for one in (folder, *folder.parents):
        if any((one / name).is_file() for name in _CONFIGURATIONS):
            return one
        if (one / ".git").exists():
            return one
    return folder


def repository_top(root: Path) -> Path:
    """Return the top of the repository that a project lies in; the project's own folder outside a repository."""
    return next((one for one in (root, *root.parents) if (one / ".git").exists()), root)


def declares_plugin(root: Path) -> bool:
    """Return whether a project names the plugin among its requirements."""
    return any(PLUGIN in (read(file) or "").replace("_", "-") for file in _files_of_requirements(root))


def installation(root: Path, plugin: str) -> Installation:
    """Return the commands that install a project for a workflow.

    The project is installed editable, because an installed copy would be the same code on both sides of a comparison.

    Args:
        root: the folder of the project.
        plugin: the requirement of the plugin; empty if the requirements of the project bring the plugin.
    """
    is_declared = declares_plugin(root)
    document = _document(root)
    install, before_pytest = _commands(root, document, shlex.quote(plugin) if plugin else "")
    by_pip = _by_poetry(document) or " ".join(
        ["python -m pip install", *_pip_words(root, document), *([] if is_declared else ["pytest"])]
    )
    if _by_poetry(document) and not is_declared:
        by_pip += " && python -m pip install pytest"
    top = repository_top(root)
    folder = "" if top == root else f"{root.relative_to(top).as_posix()}/"
    return Installation(install, by_pip, before_pytest, is_declared, top, folder)


def _by_poetry(document: Mapping[str, Any]) -> str:
    """Return the command for the interpreter of the job, if pip cannot know the requirements of the tests.

    They are in poetry's own groups then.
    """
    if "project" in document or "poetry" not in document.get("tool", {}):
        return ""
    return "python -m pip install poetry && POETRY_VIRTUALENVS_CREATE=false poetry install --all-groups --all-extras"


def _commands(root: Path, document: Mapping[str, Any], plugin: str) -> tuple[str, str]:
    """Return the command that installs the project, and what stands before the commands of its environment."""
    tools = document.get("tool", {})
    if (root / "uv.lock").is_file() or "uv" in tools:
        added = f" && uv pip install {plugin}" if plugin else ""
        # Without --no-sync, `uv run` would remove what the lock file does not list.
        return f"pip install uv && uv sync --all-groups --all-extras{added}", "uv run --no-sync "
    if (root / "poetry.lock").is_file() or "poetry" in tools:
        added = f" && poetry run pip install {plugin}" if plugin else ""
        return f"pip install poetry && poetry install --all-groups --all-extras{added}", "poetry run "
    words = [*_pip_words(root, document), *(["pytest", plugin] if plugin else [])]
    return " ".join(["pip install", *words]), ""


def ini_options(root: Path) -> Mapping[str, str]:
    """Return pytest's own options of a project as texts, from whichever file pytest reads."""
    for name, section in (("pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(read(root / name) or "")
        except configparser.Error as error:
            message = f"{root / name}: is no INI file: {str(error).splitlines()[0]}"
            raise ConfigError(message) from None
        if parser.has_section(section):
            return dict(parser.items(section))
    options = _document(root).get("tool", {}).get("pytest", {})
    found = options.get("ini_options", options) if isinstance(options, dict) else {}
    return {key: " ".join(map(str, one)) if isinstance(one, list) else str(one) for key, one in found.items()}


def _pip_words(root: Path, document: Mapping[str, Any]) -> Iterator[str]:
    if "project" in document or any((root / name).is_file() for name in ("setup.py", "setup.cfg")):
        extras = document.get("project", {}).get("optional-dependencies", {})
        extra = next((one for one in _GROUPS if one in extras), "")
        yield f'-e ".[{extra}]"' if extra else "-e ."
    if group := next((one for one in _GROUPS if one in document.get("dependency-groups", {})), ""):
        yield f"--group {group}"
    if file := next((one for one in _REQUIREMENTS if (root / one).is_file()), ""):
        yield f"-r {file}"


def _files_of_requirements(root: Path) -> Iterator[Path]:
    yield from (root / name for name in ("pyproject.toml", "setup.cfg", "setup.py", *_REQUIREMENTS))


def _document(root: Path) -> dict[str, Any]:
    file = root / "pyproject.toml"
    try:
        return tomllib.loads(read(file) or "")
    except tomllib.TOMLDecodeError as error:
        message = f"{file.name}: is no valid TOML: {error}"
        raise ConfigError(message) from None
