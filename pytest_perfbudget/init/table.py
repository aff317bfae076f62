"""The table `[tool.perfbudget]` in a pyproject.toml: its first lines, and the keys that an existing table lacks."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

from pytest_perfbudget.errors import ConfigError, InitError
from pytest_perfbudget.table_name import NAME

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_REGRESSION: Final = "5%"

_COMMENTS: Final = {"max_regression": "growth up to this never fails a test"}


@dataclass(frozen=True, slots=True)
class Table:
    """The wanted content of the table.

    Attributes:
        keys: the keys of the table itself.
        budgets: the entries of its sub-table `budgets`: keywords by the pattern of a test.
        about: a comment on the origin of the entries; empty if there is nothing to say.
    """

    keys: Mapping[str, object] = field(default_factory=dict)
    budgets: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    about: str = ""


def existing(content: str | None, place: str) -> dict[str, Any] | None:
    """Return the table that a pyproject.toml has; None if it has none.

    Raises:
        ConfigError: the content is no TOML, or the table is no table.
    """
    tool = _parsed(content or "", place).get("tool", {})
    found = tool.get(NAME) if isinstance(tool, dict) else None
    if found is not None and not isinstance(found, dict):
        message = f"{place}: {NAME} of [tool] must be a table, found {found!r}"
        raise ConfigError(message)
    return found


def with_table(content: str | None, wanted: Table, place: str) -> str:
    """Return the content with the table: appended if the table is missing, else with the keys that the table lacks.

    A key that the table has keeps its value. All other lines stay as they are, and so do the line ends.

    Raises:
        ConfigError: the content is no TOML.
        InitError: the content cannot have a further table, or tomlkit is missing.
    """
    before = content or ""
    newline = "\r\n" if "\r\n" in before and before.count("\r\n") == before.count("\n") else "\n"
    present = existing(content, place)
    if content is not None and present is not None and present == _merged(present, wanted):
        return content
    if present is None:
        gap = "" if not before else newline if before.endswith("\n") else newline * 2
        after = before + gap + _block(wanted).replace("\n", newline)
    else:
        after = _completed(before, wanted, newline)
    expected = _merged(present or {}, wanted)
    try:
        got = existing(after, place)
    except ConfigError:
        got = None
    if got != expected:
        message = f"{place}: the table [tool.{NAME}] cannot be added to this file: write it with [tool.{NAME}] headers"
        raise InitError(message)
    return after


def _merged(present: Mapping[str, Any], wanted: Table) -> dict[str, Any]:
    merged = {**wanted.keys, **present}
    there = present.get("budgets", {})
    budgets = {**there, **{one: {**entry, **there.get(one, {})} for one, entry in wanted.budgets.items()}}
    return {**merged, "budgets": budgets} if budgets or "budgets" in present else merged


def _block(wanted: Table) -> str:
    """Return the lines of a new table."""
    lines = [f"[tool.{NAME}]  # all keys: perfbudget guide configuration"]
    lines += [
        f"{key} = {_toml(value)}" + (f"  # {_COMMENTS[key]}" if key in _COMMENTS else "")
        for key, value in wanted.keys.items()
    ]
    if wanted.budgets:
        lines += ["", f"[tool.{NAME}.budgets]", *([f"# {wanted.about}"] if wanted.about else [])]
        lines += [f"{_toml(pattern)} = {_inline(entry)}" for pattern, entry in wanted.budgets.items()]
    return "\n".join(lines) + "\n"


def editor() -> ModuleType:
    """Return tomlkit, which adds to a table that is there already.

    Raises:
        InitError: tomlkit is not installed.
    """
    try:
        import tomlkit  # noqa: PLC0415 - of an extra, and only for a table that is there already
    except ModuleNotFoundError:
        message = (
            f"[tool.{NAME}] is there already, and adding to it needs tomlkit: pip install 'pytest-perfbudget[init]'"
        )
        raise InitError(message) from None
    return tomlkit


def _completed(content: str, wanted: Table, newline: str) -> str:
    """Return the content with the keys that its table lacks; tomlkit keeps comments and order."""
    tomlkit = editor()
    document = tomlkit.parse(content.replace("\r\n", "\n") if newline == "\r\n" else content)
    table: Any = document["tool"][NAME]
    for key, value in wanted.keys.items():
        if key not in table:
            table.add(key, value)
    has_new = bool(wanted.budgets) and _add_budgets(table, wanted)
    text: str = tomlkit.dumps(document)
    if has_new and text.endswith("\n\n"):
        text = text.rstrip("\n") + "\n"
    return text.replace("\n", "\r\n") if newline == "\r\n" else text


def _add_budgets(table: Any, wanted: Table) -> bool:  # noqa: ANN401 - of tomlkit
    """Add the entries that the budgets of a table lack, and return whether there are new ones."""
    import tomlkit  # noqa: PLC0415 - as above

    if "budgets" not in table:
        table["budgets"] = tomlkit.table()
    budgets = table["budgets"]
    has_new = not wanted.budgets.keys() <= budgets.keys()
    if has_new and wanted.about:
        budgets.add(tomlkit.comment(wanted.about))
    for pattern, entry in wanted.budgets.items():
        if pattern not in budgets:
            budgets.add(pattern, tomlkit.inline_table())
        for key, value in entry.items():
            if key not in budgets[pattern]:
                budgets[pattern].add(key, value)
    if has_new:
        budgets.add(tomlkit.nl())  # before the next table
    return has_new


def _inline(entry: Mapping[str, object]) -> str:
    return f"{{ {', '.join(f'{key} = {_toml(value)}' for key, value in entry.items())} }}" if entry else "{}"


def _toml(value: object) -> str:
    """Return a value as TOML; JSON writes texts, numbers and booleans the same way."""
    return json.dumps(value, ensure_ascii=False)


def _parsed(content: str, place: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        message = f"{place}: is no valid TOML: {error}"
        raise ConfigError(message) from None
