"""The lines of a text in the OpenMetrics format (version 1.0): families of gauges with labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.report.printable import printable

_UNITS: Final[Mapping[str, tuple[str, float]]] = {
    "ns": ("seconds", NS_PER["s"]),
    "bytes": ("bytes", 1),
    "calls": ("calls", 1),
    "instructions": ("instructions", 1),
    "": ("ratio", 1),
    "%": ("ratio", 100),
    "rps": ("requests_per_second", 1),
}
"""By unit of a metric, the unit that Prometheus recommends, and how many of the first make one of the second."""


class Exposition:
    """Gauges by family; a sample with the same labels replaces an earlier sample."""

    def __init__(self) -> None:
        self._help: dict[str, str] = {}
        self._units: dict[str, str] = {}
        self._samples: dict[str, dict[str, float]] = {}

    def add(self, family: str, meaning: str, labels: Mapping[str, str], value: float | None, unit: str = "") -> None:
        """Add a sample; a value of None is left out.

        Args:
            family: the name of the family, with its unit at the end.
            meaning: the meaning of the family for its readers.
            labels: the labels; empty ones are left out.
            value: the value in the family's unit.
            unit: the unit at the end of the name; empty if the values have none.
        """
        if value is None:
            return
        self._help[family], self._units[family] = meaning, unit
        self._samples.setdefault(family, {})[_labels(labels)] = value

    def add_quantity(
        self, family: str, meaning: str, labels: Mapping[str, str], value: float | None, unit: str
    ) -> None:
        """Add a sample in the base unit of a metric; the family's name gets the unit that it is converted to."""
        name, per = _UNITS.get(unit, (unit, 1))
        self.add(f"{family}_{name}", meaning, labels, None if value is None else value / per, name)

    def lines(self) -> Iterator[str]:
        """Yield the lines of all families, without the end mark."""
        for family, samples in self._samples.items():
            yield f"# TYPE {family} gauge"
            if self._units[family]:
                yield f"# UNIT {family} {self._units[family]}"
            yield f"# HELP {family} {self._help[family]}"
            yield from (f"{family}{labels} {_number(value)}" for labels, value in samples.items())


def _labels(labels: Mapping[str, str]) -> str:
    written = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items() if value)
    return f"{{{written}}}" if written else ""


def _escaped(value: str) -> str:
    return printable(value, unicode=True).replace("\\", r"\\").replace('"', r"\"")


def _number(value: float) -> str:
    return f"{value:.12g}"
