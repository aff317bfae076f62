"""The requirement by which a workflow installs this plugin: the place from which it is installed here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, Final

from pytest_perfbudget.errors import InitError

PLUGIN: Final = "pytest-perfbudget"
_WITH_HTML: Final = f"{PLUGIN}[html]"
_REMEDY: Final = (
    "which a runner cannot install: add pytest-perfbudget to the requirements of the tests, or say where it comes "
    'from, such as --plugin "git+https://HOST/OWNER/pytest-perfbudget@COMMIT"'
)
_NAME: Final = r"[A-Za-z0-9][\w.-]*(\[[\w., -]*\])?"
_VERSION: Final = r"(===?|!=|~=|[<>]=?)\s*\w[\w.*+!-]*"
_REQUIREMENT: Final = re.compile(rf"{_NAME}\s*(@\s*\S+|{_VERSION}(\s*,\s*{_VERSION})*)?(\s*;.+)?")
"""A name with a place or with versions (PEP 508)."""
_PLACE: Final = re.compile(r"\w+\+\S+|\w+://\S+|\.{0,2}/\S*")
"""A URL, or a path in the repository."""
_HERE: Final = re.compile(rf"({_NAME}\s*@\s*)?(/|file:)", re.IGNORECASE)
"""A place on this machine: not a path in the repository."""


def check_requirement(text: str) -> None:
    """Refuse a text that pip does not take for a requirement, or a runner does not have, before a workflow has it.

    Raises:
        InitError: the text is no requirement, or names a place on this machine.
    """
    if _HERE.match(text):
        message = f"--plugin: {text} is a place on this machine, {_REMEDY}"
        raise InitError(message)
    if not (_REQUIREMENT.fullmatch(text) or _PLACE.fullmatch(text)):
        message = f"--plugin: {text!r} is no requirement of pip: write {PLUGIN}==VERSION or git+https://HOST/OWNER/{PLUGIN}@COMMIT"
        raise InitError(message)


def with_report(given: str) -> str:
    """Return the requirement that the user names, with what the HTML report needs if the requirement is but a place.

    Args:
        given: the requirement; a name in front of it says which extras the user wants.
    """
    if not _PLACE.fullmatch(given) or given.endswith("]"):
        return given
    return f"{_WITH_HTML} @ {given}" if "://" in given else f"{given}[html]"


def requirement_without_checkout(given: str) -> str:
    """Return the requirement of the plugin for a job that does not check the repository out.

    Args:
        given: the requirement that the user names; empty for the place from which the plugin is installed here.

    Raises:
        InitError: the requirement is a path.
    """
    found = given or plugin_requirement()
    if re.match(r"\.{0,2}/", found):
        message = f"--comment: the job that comments has no file such as {found}: name a URL by --plugin"
        raise InitError(message)
    return found


def plugin_requirement() -> str:
    """Return the requirement of the plugin as it is installed in this environment, with what the HTML report needs.

    Raises:
        InitError: the plugin comes from a folder or file of this machine.
    """
    try:
        found = distribution(PLUGIN)
    except PackageNotFoundError:
        message = f"{PLUGIN} runs from a folder without being installed, {_REMEDY}"
        raise InitError(message) from None
    return requirement_of(found.version, found.read_text("direct_url.json"))


def requirement_of(version: str, direct_url: str | None) -> str:
    """Return the requirement of an installed distribution.

    Args:
        version: the version.
        direct_url: the content of the distribution's direct_url.json (PEP 610); None for one from a package index.

    Raises:
        InitError: the distribution comes from a folder or file of this machine.
    """
    if direct_url is None:
        return f"{_WITH_HTML}=={version}"
    origin: Mapping[str, Any] = json.loads(direct_url)
    url, vcs = str(origin["url"]), origin.get("vcs_info")
    if url.startswith("file:"):
        message = f"{PLUGIN} is installed from {url}, {_REMEDY}"
        raise InitError(message)
    place = f"{vcs['vcs']}+{url}@{vcs['commit_id']}" if vcs else url
    parts = [f"subdirectory={origin['subdirectory']}"] if origin.get("subdirectory") else []
    hashes: Mapping[str, str] = origin.get("archive_info", {}).get("hashes", {})
    parts += [f"sha256={hashes['sha256']}"] if "sha256" in hashes else []
    return f"{_WITH_HTML} @ {place}{'#' if parts else ''}{'&'.join(parts)}"
