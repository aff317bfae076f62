"""The policy of the base, read from its commit: the table, the limits in test files, and the baseline.

Nothing is checked out or run for that: git shows single files of a commit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from pytest_perfbudget.baseline.raised import raised
from pytest_perfbudget.baseline.reader import parse
from pytest_perfbudget.baseline.schema import Baseline, Key
from pytest_perfbudget.baseline.store import read
from pytest_perfbudget.checkout.base_collection import uncollected
from pytest_perfbudget.checkout.base_tests import BaseTests
from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.config.parser import settings_of
from pytest_perfbudget.config.source_limits import TestLimits, limits_in
from pytest_perfbudget.core.base_policy import LoosenedLimits, held, held_settings, loosened_limits, with_unread
from pytest_perfbudget.core.gate_options import GATE_OPTIONS, OVERRIDDEN, GateOptions
from pytest_perfbudget.core.load.differences import easier_loads
from pytest_perfbudget.core.loosening import COUNTING, Loosening, by_label
from pytest_perfbudget.core.measurement import file_of, function_of
from pytest_perfbudget.core.precedence import EffectiveLimits, resolve
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.errors import BaselineError, ConfigError

_CONFIGURATION: Final = "pyproject.toml"


class BasePolicy:
    """The limits of the base, and the limits that the pull request loosens.

    Args:
        base: the commit.
        root: pytest's root folder.
        settings: the settings of the pull request.
        is_enforced: whether the limits of the base hold; else loosened limits are listed only.
        configuration: the file of pytest's configuration; None if there is none.
        is_given: whether the user has chosen this file (`-c`).
        accept_label: the label by which a reviewer accepts the limits of the pull request; empty if it is not known.

    Attributes:
        settings: the settings that hold.
        loosened: the loosened settings of the whole session.
        tests: the tests of the base.
        is_enforced: whether the limits of the base hold.

    Raises:
        ConfigError: the table of the base cannot be read.
    """

    def __init__(
        self,
        base: Base,
        root: Path,
        settings: Settings,
        *,
        is_enforced: bool,
        configuration: Path | None = None,
        is_given: bool = False,
        accept_label: str = "",
    ) -> None:
        self._base = base
        self._root = root.resolve()
        self._head_settings = settings
        self.tests = BaseTests(base, root, configuration, is_given=is_given)
        self._configuration = configuration
        self._accept = f"let a reviewer accept this {by_label(accept_label)}"
        self._files: dict[str, tuple[dict[str, TestLimits], dict[str, TestLimits]]] = {}
        self._base_settings = self._settings_of_base()
        self.is_enforced = is_enforced
        held_ones, self.loosened = held_settings(settings, self._base_settings)
        self.settings = held_ones if is_enforced else settings

    def check_root(self) -> None:
        """Refuse a new root folder, from which the settings of the base cannot be seen.

        Raises:
            ConfigError: the file is new, and the settings of the base lie above its folder.
        """
        if self.is_enforced and (above := self.tests.settings_above):
            message = (
                f"--perf-policy=base: {self._configuration} is new and makes its folder pytest's root folder, so "
                f"{above} is not read any more: move the settings there, or {self._accept}"
            )
            raise ConfigError(message)

    def check_options(self, options: GateOptions, allowed: Collection[str]) -> None:
        """Refuse options of this plugin in the pull request's own `addopts` that weaken the gate.

        Args:
            options: the options of the session.
            allowed: the names of the options that the user has given, whatever their values.

        Raises:
            ConfigError: an option is weaker than in the base's `addopts`.
        """
        of_base, of_head = (
            GateOptions.from_words(one.settings["addopts"]) for one in (self.tests.rules, self.tests.own_rules)
        )
        found = dict.fromkeys(options.weaker_than(of_base, self._base_settings, allowed))
        # The gate's own value holds in this session, and that of addopts in each plain session after the merge.
        others = [one for one in GATE_OPTIONS if one != OVERRIDDEN]
        found |= dict.fromkeys(of_head.weaker_than(of_base, self._base_settings, others))
        if self.is_enforced and found:
            message = (
                f"--perf-policy=base: the pull request weakens its own gate by {' and '.join(found)}, in addopts or a "
                f"conftest.py: undo that, or {self._accept}"
            )
            raise ConfigError(message)

    def hold(
        self, limits: EffectiveLimits, nodeid: str, name: str, *, is_body: bool
    ) -> tuple[EffectiveLimits, list[Loosening]]:
        """Return the limits that hold for a measurement, and those that the pull request loosens.

        A test that the base does not have is new, and has its own limits.

        Args:
            limits: the limits of the pull request, as the session knows them.
            nodeid: the test.
            name: the name of the measurement.
            is_body: whether the test itself is measured.
        """
        loosened = self._loosened(limits, nodeid, name, is_body=is_body)
        # Only processes that run in pairs are told what to count for a test.
        is_held = self.settings.duet.mode != "sequential"
        found = [replace(one, is_held=is_held) if one.base == COUNTING else one for one in loosened.found]
        found += self._easier_load(nodeid, name)
        return (held(limits, loosened) if self.is_enforced else limits), found

    def _texts(self, nodeid: str) -> tuple[TestLimits | None, TestLimits | None]:
        """Return what the texts of head and base say about a test; None for a text that does not have the test."""
        file = file_of(nodeid)
        if file not in self._files:
            text = ""
            with suppress(OSError, UnicodeDecodeError):
                text = (self._root / file).read_text("utf-8")
            self._files[file] = limits_in(text, file), limits_in(self.tests.shown(file), file)
        inner = function_of(nodeid).removeprefix(f"{file}::")
        head, base = self._files[file]
        return head.get(inner), base.get(inner)

    def _easier_load(self, nodeid: str, name: str) -> list[Loosening]:
        """Return the parameters by which the load of a measurement may have become easier.

        A load whose parameters a text does not have is compared by the duet, or is not known.
        """
        head, base = (None if one is None else one.call(name) for one in self._texts(nodeid))
        if head is None or base is None or not (head.load and base.load):
            return []
        return easier_loads(base.load, head.load, head.place)

    def _loosened(self, limits: EffectiveLimits, nodeid: str, name: str, *, is_body: bool) -> LoosenedLimits:
        head_limits, base_limits = self._texts(nodeid)
        if base_limits is None:
            return LoosenedLimits()
        base = resolve(self._base_settings, nodeid, base_limits.given(name, is_body=is_body), name=name)
        if head_limits is None:  # a text that hides the test hides its limits, and the session knows them
            return loosened_limits(limits, base, base_limits.unreadable)
        head = resolve(self._head_settings, nodeid, head_limits.given(name, is_body=is_body), name=name)
        head = with_unread(head, limits, head_limits.unreadable)
        return loosened_limits(head, base, base_limits.unreadable)

    def uncollected(self, collected: Collection[str], folders: Sequence[Path]) -> dict[str, str]:
        """Return the base's perf tests that the session has not collected, each with the reason: see `uncollected`."""
        return uncollected(self.tests, collected, self._base_settings.entries, folders)

    def raised_baseline(self) -> list[tuple[Key, Loosening]]:
        """Return the numbers of the baseline that the pull request raises or removes.

        A baseline that cannot be read is none: the comparison with a commit does not look at it.
        """
        name = self._base_settings.baseline
        with suppress(BaselineError):
            if text := self.tests.shown(name):
                own = read(self._root / self._head_settings.baseline) or Baseline()
                return raised(parse(text, name), own, self._base_settings.max_regression.share, name)
        return []

    def _settings_of_base(self) -> Settings:
        text = self.tests.shown(_CONFIGURATION)
        try:
            return settings_of(text.encode(), _CONFIGURATION)
        except ConfigError as error:
            message = f"--perf-policy=base: the table of {self._base.ref} cannot be read: {error}"
            raise ConfigError(message) from None
