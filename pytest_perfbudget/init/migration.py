"""The migration from pytest-benchmark and CodSpeed: which of their options and tests become what."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.init.benchmark_tests import find_benchmarks
from pytest_perfbudget.init.layout import ini_options

_STAYS: Final = "stays: pytest-benchmark still times these tests, and reads it"
_TABLE_ONLY: Final = "no counterpart: it shapes pytest-benchmark's table"
_OF_CODSPEED: Final = "no counterpart: pytest-codspeed reads it, and measures alone with --codspeed"
_WORDS: Final[Mapping[str, str]] = {
    "compare": "a committed baseline (pytest --perf-update-baseline), or the base commit (pytest --perf-against REF)",
    "autosave": "a committed baseline: pytest --perf-update-baseline",
    "save": "a committed baseline: pytest --perf-update-baseline",
    "save-data": "nothing to write: the JSON report always has the rounds",
    "storage": "the key `baseline`, if the baseline shall have another name",
    "disable": "--perf-gate=off",
    "skip": "--perf-skip",
    "only": "--perf-only",
    "json": "--perf-output PATH.json",
    "csv": "--perf-output PATH.csv",
    "histogram": "--perf-histogram, and the charts of --perf-output PATH.html",
    "cprofile": "nothing to write: failure texts name the functions that take the time",
    "min-rounds": _STAYS,
    "min-time": _STAYS,
    "warmup": _STAYS,
    "warmup-iterations": _STAYS,
    "calibration-precision": _STAYS,
    "disable-gc": _STAYS,
    "timer": "stays; rounds of a timer that is no wall clock are not judged",
    "columns": _TABLE_ONLY,
    "sort": _TABLE_ONLY,
    "group-by": _TABLE_ONLY,
    "name": _TABLE_ONLY,
    "verbose": _TABLE_ONLY,
    "quiet": _TABLE_ONLY,
    "time-unit": _TABLE_ONLY,
}
"""The counterpart of each option of pytest-benchmark that needs no computation."""
_FLAGS: Final = frozenset(
    {"autosave", "save-data", "disable", "skip", "only", "disable-gc", "verbose", "quiet", "compare", "histogram"}
)
"""The options without a value of their own, or with an optional value."""
_SHARE: Final = re.compile(r"\w+:(\d+(?:\.\d+)?)%")
_SAVED: Final = re.compile(r"(\d+)_.*\.json")
_FILE_NAMES: Final = "test_*.py *_test.py"


@dataclass(frozen=True, slots=True)
class Migration:
    """What becomes of a project's benchmarks.

    Attributes:
        keys: the keys for the table.
        budgets: the entries for its sub-table `budgets`.
        saved: the newest saved file of each machine.
        notes: pairs of an old thing and its counterpart.
    """

    keys: Mapping[str, object] = field(default_factory=dict)
    budgets: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    saved: Sequence[Path] = ()
    notes: Sequence[tuple[str, str]] = ()


def migrate(root: Path) -> Migration:
    """Read a project's options, saved files and tests.

    Raises:
        ConfigError: a configuration file cannot be parsed.
        InitError: a configuration file cannot be read.
    """
    ini = ini_options(root)
    options = benchmark_options(ini.get("addopts", ""))
    keys: dict[str, object] = {}
    notes = [
        (f"--benchmark-{name}{f'={value}' if value else ''}", _becomes(name, value, keys)) for name, value in options
    ]
    notes += [(word, _OF_CODSPEED) for word in _words(ini.get("addopts", "")) if word.startswith("--codspeed")]
    found = find_benchmarks(root, ini.get("python_files", _FILE_NAMES).split())
    entries: dict[str, Mapping[str, object]] = {pattern: {} for pattern in found.patterns}
    if found.patterns:
        notes.append(
            (f"{_tests(found.patterns)} with a fixture", f"an entry of budgets each: {_shown(found.patterns)}")
        )
    if found.marked:
        keys["codspeed"] = True
        notes.append((f"{_tests(found.marked)} with a marker", f"codspeed = true: {_shown(found.marked)}"))
    storage = next((value for name, value in options if name == "storage"), "")
    saved = newest_saved(root / (storage.removeprefix("file://") or ".benchmarks"))
    return Migration(keys, entries, saved, notes)


def benchmark_options(addopts: str) -> list[tuple[str, str]]:
    """Return the options of pytest-benchmark in `addopts`, without their prefix, each with its value.

    Raises:
        ConfigError: a quotation mark is not closed.
    """
    words = _words(addopts)
    found: list[tuple[str, str]] = []
    for word, following in zip(words, [*words, ""][1:], strict=True):
        if word.startswith("--benchmark-"):
            name, _, value = word.removeprefix("--benchmark-").partition("=")
            takes_next = not value and name not in _FLAGS and not following.startswith("-")
            found.append((name, following if takes_next else value))
    return found


def _words(addopts: str) -> list[str]:
    try:
        return shlex.split(addopts)
    except ValueError as error:
        message = f"addopts of pytest: {error} in {addopts!r}"
        raise ConfigError(message) from None


def newest_saved(folder: Path) -> list[Path]:
    """Return the file with the highest number in each machine's folder of pytest-benchmark's storage."""
    newest: dict[Path, tuple[int, Path]] = {}
    for file in sorted(folder.glob("*/*.json")):
        if number := _SAVED.fullmatch(file.name):
            newest[file.parent] = max(newest.get(file.parent, (0, file)), (int(number[1]), file))
    return [file for _, file in newest.values()]


def _becomes(name: str, value: str, keys: dict[str, object]) -> str:
    """Return the counterpart of an option, and note its key for the table."""
    if name == "compare-fail":
        share = _SHARE.fullmatch(value)
        if share is None:
            return 'has no counterpart: a tolerance is a share here, such as max_regression = "5%"'
        strictest = min(float(share[1]), float(str(keys.get("max_regression", "inf%"))[:-1]))
        keys["max_regression"] = f"{strictest:g}%"
        return f'max_regression = "{strictest:g}%": slower code is confirmed in fresh processes'
    if name == "max-time" and re.fullmatch(r"\d+(\.\d+)?", value) and float(value) > 0:
        keys["max_time"] = f"{value}s"
        return f'max_time = "{value}s"; pytest-benchmark still reads its own'
    return _WORDS.get(name, "no counterpart")


def _tests(items: Sequence[str]) -> str:
    return f"{len(items)} test{'' if len(items) == 1 else 's'}"


def _shown(items: Sequence[str]) -> str:
    return ", ".join(items[:2]) + (", ..." if len(items) > 2 else "")
