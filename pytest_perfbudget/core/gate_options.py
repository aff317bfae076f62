"""The options of this plugin that can weaken a gate, as `addopts` has them, and whether they are weaker than others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.core.units import parse_duration_ns

_GATES: Final = ("off", "warn", "fail")
_REQUIREMENTS: Final = ("", "conditional", "ready")
RUN_NOTHING: Final[Mapping[str, Sequence[str]]] = {
    "--collect-only": ("--co", "--collectonly"),
    "--setup-only": ("--setuponly",),
    "--setup-plan": ("--setupplan",),
}
"""The options by which pytest runs no test, with their other names."""
OVERRIDDEN: Final = "--perf-gate"
"""The option that `perfbudget gate` gives itself, so that a weaker value in `addopts` would show only after a merge."""

GATE_OPTIONS: Final = (
    OVERRIDDEN,
    "--perf-strict",
    "--perf-require",
    "--perf-max-time",
    "--perf-history",
    *RUN_NOTHING,
)


@dataclass(frozen=True, slots=True)
class GateOptions:
    """The options that can weaken a gate.

    Attributes:
        gate: the value of `--perf-gate`.
        strict: whether `--perf-strict` is given.
        require: the value of `--perf-require`; empty if the option is not given.
        max_time: the value of `--perf-max-time`; empty if the option is not given.
        history: the value of `--perf-history`; empty if the option is not given.
        run_nothing: the options by which pytest runs no test.
        files: the files of further options, such as `@options.txt`, whose text is not known.
    """

    gate: str = "fail"
    strict: bool = False
    require: str = ""
    max_time: str = ""
    history: str = ""
    run_nothing: Sequence[str] = ()
    files: Sequence[str] = ()

    @classmethod
    def from_words(cls, words: Sequence[str]) -> GateOptions:
        """Return the options among words of a command line; the last of several values holds."""
        return cls(
            _last(words, "--perf-gate") or "fail",
            strict="--perf-strict" in words,
            require=_last(words, "--perf-require"),
            max_time=_last(words, "--perf-max-time"),
            history=_last(words, "--perf-history"),
            run_nothing=[one for one, others in RUN_NOTHING.items() if not {one, *others}.isdisjoint(words)],
            files=[one for one in words if one.startswith("@")],
        )

    def weaker_than(self, base: GateOptions, settings: Settings, allowed: Collection[str] = ()) -> list[str]:
        """Return the options that are weaker than those of the base, each as written and with the base's.

        Args:
            base: the options of the base.
            settings: the table of the base, which holds where an option is not given.
            allowed: the names of the options that the user has given, whatever their values.
        """
        return [text for option, text in self._weaker(base, settings) if option not in allowed]

    def _weaker(self, base: GateOptions, settings: Settings) -> Iterator[tuple[str, str]]:
        if _rank(_GATES, self.gate) < _rank(_GATES, base.gate):
            yield _described(OVERRIDDEN, self.gate, base.gate)
        if base.strict and not self.strict:
            yield "--perf-strict", "no --perf-strict (base: given)"
        if _rank(_REQUIREMENTS, self.require) < _rank(_REQUIREMENTS, base.require):
            yield _described("--perf-require", self.require, base.require)
        # Less time leaves slowdowns undecided.
        if _time_ns(self, settings) < _time_ns(base, settings):
            yield _described("--perf-max-time", self.max_time, base.max_time)
        # Another history may know nothing of the drift since the anchor.
        if settings.anchor and self.history != base.history:
            yield _described("--perf-history", self.history, base.history)
        for own, others in ((self.run_nothing, base.run_nothing), (self.files, base.files)):
            yield from ((one, f"{one} (base: none)") for one in own if one not in others)


def _rank(values: Sequence[str], value: str) -> int:
    return values.index(value) if value in values else len(values)


def _time_ns(options: GateOptions, settings: Settings) -> int:
    with suppress(ValueError):
        return parse_duration_ns(options.max_time) if options.max_time else settings.max_time_ns
    return settings.max_time_ns


def _described(option: str, head: str, base: str) -> tuple[str, str]:
    return option, f"{f'{option}={head}' if head else f'no {option}'} (base: {base or 'none'})"


def _last(words: Sequence[str], option: str) -> str:
    """Return the last value of an option; empty if there is none."""
    found = ""
    for at, word in enumerate(words):
        if word.startswith(f"{option}="):
            found = word.partition("=")[2]
        elif word == option:
            found = "".join(words[at + 1 : at + 2])
    return found
