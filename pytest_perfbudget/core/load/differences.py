"""The differences between two loads of one name, by the texts of their parameters, and whether a load became easier."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_perfbudget.core.loosening import Loosening

_NUMBER: Final = r"([\d.e+-]+)"


class Effect(enum.Enum):
    """The effect of another parameter on the service under load."""

    HARDER = "harder"
    EASIER = "easier"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class LoadDifference:
    """A parameter that differs.

    Attributes:
        before: the parameter of the other side, in words.
        after: the parameter of this side, in words.
        effect: the effect of the difference.
    """

    before: str
    after: str
    effect: Effect

    @property
    def needs_reason(self) -> bool:
        """Whether a user has to say why: all but a harder load may hide that the service became slower."""
        return self.effect is not Effect.HARDER

    @property
    def text(self) -> str:
        """The difference in words."""
        effect = "" if self.effect is Effect.OTHER else f" ({self.effect.value})"
        return f"{self.after} instead of {self.before}{effect}"

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as builtins."""
        return {"before": self.before, "after": self.after, "effect": self.effect.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LoadDifference:
        """Rebuild a difference from the result of `to_dict`."""
        return cls(data["before"], data["after"], Effect(data["effect"]))


def easier_loads(before: str, after: str, source: str) -> list[Loosening]:
    """Return the parameters of a load by which a pull request may have made the load easier.

    Args:
        before: see `load_differences`.
        after: see `load_differences`.
        source: the place of the pull request's load.
    """
    remedy = "restore the load, or let a reviewer accept this"
    return [
        Loosening(f"load = {one.before}", one.after, source, is_held=False, remedy=remedy)
        for one in load_differences(before, after)
        if one.needs_reason
    ]


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A parameter as a text has it.

    Attributes:
        pattern: the words of the parameter, with its value.
        harder: 1 if a larger value makes a harder load, -1 if a smaller value does, 0 if that is not known.
        absent: the words for a text without the parameter; empty if such a text says nothing about the parameter.
        is_optional: whether texts of older versions lack the parameter.
    """

    pattern: re.Pattern[str]
    harder: int
    absent: str = ""
    is_optional: bool = False


_PARAMETERS: Final = (
    _Parameter(re.compile(rf"{_NUMBER} users?"), 1),
    _Parameter(re.compile(rf"{_NUMBER} requests? each"), 1),
    _Parameter(re.compile(rf"{_NUMBER}/s"), 1),
    _Parameter(re.compile(rf"for {_NUMBER} s"), 1),
    _Parameter(re.compile(r"(constant|poisson) arrivals"), 1, "constant arrivals"),
    _Parameter(re.compile(rf"think time {_NUMBER} s"), -1, "think time 0 s"),
    _Parameter(re.compile(rf"warm-up {_NUMBER} s"), -1, is_optional=True),
    _Parameter(re.compile(rf"timeout {_NUMBER} s"), 0, is_optional=True),
    _Parameter(re.compile(r"(with|without) user="), 0, is_optional=True),
)
_ARRIVALS: Final = {"constant": 0.0, "poisson": 1.0}


def load_differences(before: str, after: str) -> list[LoadDifference]:
    """Return the parameters in which two loads differ; empty if the loads are the same.

    A parameter that the text of an older version lacks is no difference.

    Args:
        before: the parameters of the other side, as `LoadPlan.identity`; empty if the other side has no load.
        after: the parameters of this side.
    """
    there, here = _parts(before), _parts(after)
    found: list[LoadDifference] = []
    for one in _PARAMETERS:
        mine, theirs = here.get(one) or one.absent, there.get(one) or one.absent
        if mine and theirs:
            here.pop(one, None)
            there.pop(one, None)
            found += _difference(one, theirs, mine)
        elif one.is_optional and before and after:
            here.pop(one, None)
            there.pop(one, None)
    if list(here.values()) != list(there.values()):  # such as users on one side, and a rate on the other
        found.insert(0, LoadDifference(_joined(there.values()), _joined(here.values()), Effect.OTHER))
    return found


def other_load(against: str, before: str, after: str) -> str:
    """Return the reason why two loads of one name cannot be compared; empty if their parameters are the same.

    Args:
        against: the other side.
        before: see `load_differences`.
        after: see `load_differences`.
    """
    found = load_differences(before, after)
    return f"another load than in {against}: {', '.join(one.text for one in found)}" if found else ""


def _difference(parameter: _Parameter, before: str, after: str) -> Iterable[LoadDifference]:
    values = [_value(parameter, text) for text in (before, after)]
    if values[0] != values[1]:
        is_harder = (values[1] > values[0]) is (parameter.harder > 0)
        known = Effect.HARDER if is_harder else Effect.EASIER
        yield LoadDifference(before, after, known if parameter.harder else Effect.OTHER)


def _parts(text: str) -> dict[_Parameter | str, str]:
    """Return the words of each parameter in a text; words that are no parameter stand for themselves."""
    parts = filter(None, text.replace("/s for ", "/s, for ").split(", "))
    return {next((one for one in _PARAMETERS if one.pattern.fullmatch(part)), part): part for part in parts}


def _value(parameter: _Parameter, text: str) -> float:
    match = parameter.pattern.fullmatch(text)
    word = match[1] if match else text
    if word in _ARRIVALS:
        return _ARRIVALS[word]
    try:
        return float(word)
    except ValueError:
        return float(word == "with")


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(parts) or "no load"
