"""The changes of a pull request that shape all tests of a session: pytest's settings, and plugins of the repository."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pytest_perfbudget.checkout.base_tests import BaseTests
from pytest_perfbudget.checkout.pytest_settings import FILES as CONFIGURATIONS
from pytest_perfbudget.core.affected import module_names

_SHAPING: Final = {
    "usefixtures",
    "required_plugins",
    "env",
    "env_files",
    "asyncio_mode",
    "anyio_mode",
    "faulthandler_timeout",
}
"""The settings that change what a test does; which modules are imported (`pythonpath`) is looked at elsewhere."""
_SHAPING_OPTIONS: Final = ("-p", "-o", "--override-ini", "--confcutdir", "--import-mode")
_PLUGINS: Final = "pytest_plugins"


def shaping_files(tests: BaseTests, texts: Iterable[str]) -> list[str]:
    """Return the changed files that shape each test, relative to pytest's root folder.

    A plugin in a package is code under test, as that of a project that is a plugin.

    Args:
        tests: the tests of the base.
        texts: the texts of the files in which `pytest_plugins` may stand.
    """
    before, after = (tuple(one.settings["addopts"]) for one in (tests.rules, tests.own_rules))
    is_shaped = _shape(tests.pytest_settings) != _shape(tests.own_pytest_settings)
    is_shaped |= _options(before) != _options(after)
    settings = [one for one in CONFIGURATIONS if is_shaped and one in tests.changed]
    named = {*_loaded(after), *(name for text in texts for name in _plugins(text))}
    plugins = [
        one for one in sorted(tests.changed) if named & module_names(one) and not _is_in_package(tests.root, one)
    ]
    return [*settings, *plugins]


def _shape(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key in _SHAPING}


def _options(words: Sequence[str]) -> list[str]:
    """Return the options that shape tests, with their values."""
    at = [number for number, word in enumerate(words) if word.startswith(_SHAPING_OPTIONS)]
    return [" ".join(words[number : number + 2]) for number in at]


def _loaded(words: Sequence[str]) -> Iterator[str]:
    """Yield the modules that options load as plugins: `-p name` and `-pname`."""
    for number, word in enumerate(words):
        if word == "-p":
            yield from words[number + 1 : number + 2]
        elif word.startswith("-p"):
            yield word.removeprefix("-p")


def _plugins(text: str) -> Iterator[str]:
    """Yield the modules that a file of tests loads as plugins."""
    if _PLUGINS not in text:
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for one in ast.walk(tree):
        if isinstance(one, ast.Assign) and any(
            isinstance(name, ast.Name) and name.id == _PLUGINS for name in one.targets
        ):
            yield from (
                part.value for part in ast.walk(one) if isinstance(part, ast.Constant) and isinstance(part.value, str)
            )


def _is_in_package(root: Path, file: str) -> bool:
    return (root / PurePosixPath(file).parent / "__init__.py").exists() and PurePosixPath(file).parent.parts != ()
