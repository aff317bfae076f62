"""The path of a test's file from the top of its repository, as services that show the repository want it."""

from __future__ import annotations

import posixpath

from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.measurement import file_of


def path_of(finding: Finding, folder: str) -> str:
    """Return the path of a finding's file from the top of the repository; empty if the finding has no file.

    Args:
        finding: the finding, whose file is a path from pytest's root folder on.
        folder: the path from the top of the repository to pytest's root folder; empty if they are the same.
    """
    file = (finding.file or file_of(finding.test)).replace("\\", "/")
    return posixpath.normpath(posixpath.join(folder, file)) if file else ""
