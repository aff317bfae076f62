"""The check that a file of an option has not moved pytest's root folder away from the settings of the project.

pytest chooses its root folder before it knows the options of plugins. In `--perf-output ../report.json` the file is a
test path to pytest, once it exists, and the settings and the baseline of the project are not read: no limit holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from pytest_perfbudget.plugin.keys import BASELINE
from pytest_perfbudget.table_name import may_have_table, nearest_file

_WITH_FILE: Final = ("--perf-output", "--perf-history")


def check_root_folder(config: pytest.Config) -> None:
    """Refuse a session that does not read the project's settings because of the file of an option.

    Raises:
        UsageError: there is such an option.
    """
    here, root = config.invocation_params.dir, config.rootpath
    if config.option.rootdir or config.option.inifilename:
        return
    settings = nearest_file(here)
    project = here if settings is None else settings.parent
    if root == project or project in root.parents:
        return
    unread = _unread(project, settings)
    for name, value in _apart(config) if unread else ():
        path = Path(os.path.normpath(here / value))
        if path.exists() and root in (path, *path.parents) and project not in path.parents:
            message = (
                f"{name}: pytest took {value} for a test path, so its root folder is {root}, and {unread} is not read: "
                f"write {name}={value}"
            )
            raise pytest.UsageError(message)


def _unread(project: Path, settings: Path | None) -> Path | None:
    """Return the settings or the baseline of a project; None if the project has neither."""
    if settings is not None and may_have_table(settings.read_bytes()):
        return settings
    return project / BASELINE if (project / BASELINE).exists() else None


def _apart(config: pytest.Config) -> Iterator[tuple[str, str]]:
    """Yield the options whose file is an argument of its own, with the file."""
    for name, value in pairwise(os.fspath(one) for one in config.invocation_params.args):
        if name in _WITH_FILE:
            yield name, value
