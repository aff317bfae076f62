"""Checks for configuration that has no effect, and for options that contradict each other."""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_perfbudget.core.measurement import file_of
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.errors import ConfigError, nearest
from pytest_perfbudget.plugin.collection.collected import Collected, nodeid_of
from pytest_perfbudget.plugin.collection.neighbours import is_measured_by_codspeed
from pytest_perfbudget.table_name import may_have_table, nearest_file


class PerfBudgetWarning(pytest.PytestWarning):
    """A warning that something in the configuration has no effect."""


class ConfigChecks:
    """Checks that warn of configuration without effect.

    Each check raises `ConfigError` instead of a warning with --perf-strict, or if the user's warning filter says so.
    """

    def __init__(self, config: pytest.Config, settings: Settings, *, strict: bool) -> None:
        self._root = config.rootpath
        self._config_file = str(config.inipath or "")
        self._settings = settings
        self._strict = strict
        # Only the first xdist worker warns, but an error has to stop all workers.
        self._is_first = strict or getattr(config, "workerinput", {}).get("workerid", "gw0") == "gw0"

    def component(self, component: str | None, item: pytest.Item) -> None:
        """Complain about a component that has no table, but nearly the name of a component with a table."""
        known = [rule.limits.component or "" for rule in self._settings.components]
        if component and component not in known and (hint := nearest(component, known, cutoff=0.8)):
            self._complain(f"perf_budget marker of {nodeid_of(item)}: component {component!r} has no table{hint}")

    def patterns(self, collected: Collected, perf_tests: Collection[str]) -> None:
        """Complain about patterns that cover no measured test."""
        if self._is_first:
            for message in collected.unmatched((*self._settings.entries, *self._settings.components), perf_tests):
                self._complain(message)

    def table_above(self) -> None:
        """Complain about a table that is not read, because the root folder lies below its pyproject.toml."""
        file = nearest_file(self._root)
        if file is None or file.parent == self._root or not self._is_first:
            return
        with suppress(OSError):
            if may_have_table(file.read_bytes()):
                where = self._config_file or "--rootdir or the first argument"
                self._complain(
                    f"{file} has [tool.perfbudget] and is not read, because {self._root} is the root folder, by "
                    f"{where}: move the table to {self._root / 'pyproject.toml'}, or the settings of pytest up"
                )

    def root_folder(self, perf_tests: Collection[str]) -> None:
        """Complain about a baseline with these tests that is not read, because another folder is the root folder."""
        if not self._is_first:
            return
        name = self._settings.baseline
        files = {file_of(nodeid) for nodeid in perf_tests}
        below = {parent for file in files for parent in (self._root / file).parents if self._root in parent.parents}
        for folder in sorted(one for one in below if (one / name).is_file()):
            text = (folder / name).read_text("utf-8", "replace")
            outside = folder.relative_to(self._root).as_posix() + "/"
            inner = [nodeid.removeprefix(outside) for nodeid in perf_tests if nodeid.startswith(outside)]
            if any(json.dumps(nodeid, ensure_ascii=False) in text for nodeid in inner):
                self._unused(folder / name)
        for folder in (above for above in self._root.parents if (above / name).is_file()):
            text = (folder / name).read_text("utf-8", "replace")
            inside = self._root.relative_to(folder).as_posix()
            if any(json.dumps(f"{inside}/{nodeid}", ensure_ascii=False) in text for nodeid in perf_tests):
                self._unused(folder / name)

    def _unused(self, baseline: Path) -> None:
        where = (
            f"the root folder is {self._root} (from --rootdir, -c, a configuration file there or the first argument)"
        )
        self._complain(f"{baseline} has these tests and is not used: {where}")

    def _complain(self, message: str) -> None:
        if self._strict:
            raise ConfigError(message)
        try:
            warnings.warn(PerfBudgetWarning(message), stacklevel=1)
        except PerfBudgetWarning:  # the user's filter turns warnings into errors
            raise ConfigError(message) from None


def check_codspeed(config: pytest.Config) -> None:
    """Refuse options that ask for measurements in a session that pytest-codspeed measures.

    Raises:
        UsageError: there is such an option.
    """
    option = config.option
    wishes = {
        "--perf-against": option.perf_against is not None,
        "--perf-strict": option.perf_strict,
        "--perf-require": option.perf_require is not None,
        "--perf-update-baseline": option.perf_update_baseline,
    }
    for name in (name for name, is_given in wishes.items() if is_given and is_measured_by_codspeed(config)):
        message = f"{name} measures, and so does pytest-codspeed, in the same tests: give each a session of its own"
        raise pytest.UsageError(message)


def check_outputs(config: pytest.Config) -> None:
    """Refuse files that cannot be written, as far as that shows before the first test.

    Raises:
        UsageError: a path is a folder, its folder does not exist, or two results would go to one file.
    """
    if not config.option.perf_output:
        return
    from pytest_perfbudget.report.formats import problem_of  # noqa: PLC0415 - sessions that write no file need none

    if problem := problem_of(config.option.perf_output, config.invocation_params.dir):
        message = f"--perf-output: {problem}"
        raise pytest.UsageError(message)


def check_update(config: pytest.Config) -> None:
    """Refuse options that contradict each other or lack another option.

    Raises:
        UsageError: the options make no sense together.
    """
    option = config.option
    if option.perf_skip and (option.perf_only or option.perf_against is not None):
        other = "--perf-only" if option.perf_only else "--perf-against"
        message = f"{other} runs perf tests, and --perf-skip leaves them out: drop one of them"
        raise pytest.UsageError(message)
    if option.perf_against is not None and (option.perf_update_baseline or option.perf_gate == "off"):
        other = "--perf-update-baseline" if option.perf_update_baseline else "--perf-gate=off"
        message = f"--perf-against compares with a commit, {other} with nothing: drop one of them"
        raise pytest.UsageError(message)
    if not option.perf_update_baseline:
        for name, given in (("--perf-reason", option.perf_reason), ("--perf-prune", option.perf_prune)):
            if given:
                message = f"{name} belongs to --perf-update-baseline: add it"
                raise pytest.UsageError(message)
        return
    if option.perf_prune and any("::" in one for one in config.args):
        message = "--perf-prune takes files or folders: with single tests nothing is known of the others"
        raise pytest.UsageError(message)
    if option.perf_reason is not None and not option.perf_reason.strip(" ."):
        message = "--perf-reason: say why the code may be slower"
        raise pytest.UsageError(message)
    if option.perf_gate == "off" or option.perf_skip:
        message = "--perf-update-baseline measures perf tests: drop --perf-gate=off and --perf-skip"
        raise pytest.UsageError(message)
