"""Simulated histories of a test whose changes are known: steps in noise of several kinds."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

MARGIN = 3
"""The largest distance, in points, between a change and the point at which it counts as found."""

_LEVEL = 100.0
_CLEAR = 5
"""The fewest points before the first step, between steps, and after the last."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """A simulated history: its values, what is known of each point, and the indices of its changes."""

    kind: str
    values: Sequence[float]
    changes: Sequence[int] = ()
    errors: Sequence[float] | None = None
    markers: Sequence[str] | None = None


def normal(count: int, generator: np.random.Generator) -> Floats:
    return generator.normal(size=count)


def with_outliers(count: int, generator: np.random.Generator) -> Floats:
    """Return normal noise of which 5 % lie 5 to 20 standard deviations higher."""
    noise = generator.normal(size=count)
    return np.where(generator.random(count) < 0.05, noise + generator.uniform(5, 20, count), noise)


def heavy_tailed(count: int, generator: np.random.Generator) -> Floats:
    """Return noise with Student's t distribution of three degrees of freedom, of standard deviation 1."""
    noise: Floats = generator.standard_t(3, count) / np.sqrt(3)
    return noise


def skewed(count: int, generator: np.random.Generator) -> Floats:
    """Return noise with a long right tail, as times have it: a gamma distribution of standard deviation 1."""
    noise: Floats = (generator.gamma(2, size=count) - 2) / np.sqrt(2)
    return noise


def dependent(count: int, dependence: float, generator: np.random.Generator) -> Floats:
    """Return normal noise, of variance 1 / (1 - dependence^2), of which each value inherits a share from the last."""
    fresh = generator.normal(size=count)
    fresh[0] /= np.sqrt(1 - dependence**2)
    noise: Floats = np.fromiter(accumulate(fresh, lambda last, new: dependence * last + new), float)
    return noise


def quiet(kind: str, seed: int, noise: Callable[[int, np.random.Generator], Floats]) -> Series:
    """Return a series without a change."""
    generator = np.random.default_rng((25, seed))
    count, spread = _shape(generator)
    return _series(kind, np.zeros(count), spread * noise(count, generator))


def quiet_with_errors(kind: str, seed: int) -> Series:
    """Return a series without a change, whose points have errors of their own."""
    generator = np.random.default_rng((26, seed))
    count, spread = _shape(generator)
    errors = _own_errors(count, spread, generator)
    noise = np.hypot(errors, spread / 4) * generator.normal(size=count)
    return _series(kind, np.zeros(count), noise, errors=errors)


def quiet_with_wrong_errors(kind: str, seed: int) -> Series:
    """Return a series without a change, whose points have errors that say nothing of their scatter."""
    generator = np.random.default_rng((27, seed))
    count, spread = _shape(generator)
    noise = spread * generator.normal(size=count)
    return _series(kind, np.zeros(count), noise, errors=_wrong_errors(count, spread, generator))


def quiet_dependent(kind: str, seed: int, dependence: float) -> Series:
    """Return a series without a change, of normal noise of which each point inherits a share from the last."""
    generator = np.random.default_rng((25, seed, round(10 * dependence)))
    count, spread = _shape(generator)
    return _series(kind, np.zeros(count), spread * np.sqrt(1 - dependence**2) * dependent(count, dependence, generator))


def quiet_of_two_modes(kind: str, seed: int, lasting: int) -> Series:
    """Return a series without a change, a fifth of whose points are 20 % slower, each time several in a row."""
    generator = np.random.default_rng((28, seed, lasting))
    count, spread = _shape(generator)
    slow = np.repeat(generator.random(count // lasting + 1) < 0.2, lasting)[:count]
    return _series(kind, np.zeros(count), spread / 2 * generator.normal(size=count) + np.log(1.2) * slow)


def _shape(generator: np.random.Generator) -> tuple[int, float]:
    """Return a length of 20 to 200 points and a coefficient of variation of 1 to 10 %."""
    return int(generator.integers(20, 201)), float(generator.uniform(0.01, 0.10))


def _own_errors(count: int, spread: float, generator: np.random.Generator) -> Floats:
    """Return errors of which the largest is 15 times the smallest."""
    return spread * np.exp(generator.uniform(np.log(0.1), np.log(1.5), count))


def _wrong_errors(count: int, spread: float, generator: np.random.Generator) -> Floats:
    """Return errors of which the largest is 20 times the smallest, typical ones four times the true spread or a tenth.

    The rounds of a busy machine differ by more than the medians of its sessions, those of a calm machine by less.
    """
    typical = spread * float(generator.choice((4.0, 0.1)))
    errors: Floats = typical * np.exp(generator.uniform(-np.log(20), 0, count) + np.log(2))
    return errors


def _step(generator: np.random.Generator) -> float:
    """Return the logarithm of a step of 2 to 20 %, up or down."""
    return float(np.log1p(generator.uniform(0.02, 0.20)) * generator.choice((-1, 1)))


def _steps(count: int, places: Iterable[int], generator: np.random.Generator) -> Floats:
    level = np.zeros(count)
    for place in places:
        level[place:] += _step(generator)
    return level


def _places(count: int, number: int, generator: np.random.Generator) -> list[int]:
    """Return the places of steps, each with room around it."""
    room = count - (number + 1) * _CLEAR
    drawn = np.sort(generator.integers(0, room + 1, number))
    return [int(one) + (which + 1) * _CLEAR for which, one in enumerate(drawn)]


def _series(
    kind: str,
    level: Floats,
    noise: Floats,
    changes: Sequence[int] = (),
    *,
    errors: Floats | None = None,
    markers: Sequence[str] | None = None,
) -> Series:
    values = np.round(_LEVEL * np.exp(level) * np.maximum(1 + noise, 0.2), 4)
    own = None if errors is None else np.round(errors, 6).tolist()
    return Series(kind, values.tolist(), tuple(changes), own, markers)


def _one_step(kind: str, seed: int, noise: Callable[[int, np.random.Generator], Floats] = normal) -> Series:
    generator = np.random.default_rng((1, seed))
    count, spread = _shape(generator)
    places = _places(count, 1, generator)
    return _series(kind, _steps(count, places, generator), spread * noise(count, generator), places)


def _calm_step(kind: str, seed: int) -> Series:
    generator = np.random.default_rng((2, seed))
    count, spread = int(generator.integers(20, 201)), float(generator.uniform(0.01, 0.03))
    places = _places(count, 1, generator)
    return _series(kind, _steps(count, places, generator), spread * normal(count, generator), places)


def _several_steps(kind: str, seed: int) -> Series:
    generator = np.random.default_rng((3, seed))
    count, spread = int(generator.integers(60, 201)), float(generator.uniform(0.01, 0.05))
    places = _places(count, int(generator.integers(2, 6)), generator)
    return _series(kind, _steps(count, places, generator), spread * normal(count, generator), places)


def _late_step(kind: str, seed: int) -> Series:
    generator = np.random.default_rng((4, seed))
    count, spread = int(generator.integers(20, 201)), float(generator.uniform(0.01, 0.05))
    places = [count - int(generator.integers(_CLEAR, 2 * _CLEAR + 1))]
    return _series(kind, _steps(count, places, generator), spread * normal(count, generator), places)


def _drift(kind: str, seed: int) -> Series:
    """Return a series that creeps by 5 to 20 % in all, in half of the cases with a step."""
    generator = np.random.default_rng((5, seed))
    count, spread = int(generator.integers(40, 201)), float(generator.uniform(0.01, 0.05))
    places = _places(count, 1, generator) if seed % 2 else []
    creep = np.log1p(generator.uniform(0.05, 0.20)) * generator.choice((-1, 1)) * np.linspace(0, 1, count)
    return _series(kind, creep + _steps(count, places, generator), spread * normal(count, generator), places)


def _errors_of_points(kind: str, seed: int) -> Series:
    generator = np.random.default_rng((6, seed))
    count, spread = _shape(generator)
    places = _places(count, 1, generator)
    errors = _own_errors(count, spread, generator)
    noise = np.hypot(errors, spread / 4) * normal(count, generator)
    return _series(kind, _steps(count, places, generator), noise, places, errors=errors)


def _wrong_errors_of_points(kind: str, seed: int) -> Series:
    generator = np.random.default_rng((8, seed))
    count, spread = _shape(generator)
    places = _places(count, 1, generator)
    errors = _wrong_errors(count, spread, generator)
    return _series(kind, _steps(count, places, generator), spread * normal(count, generator), places, errors=errors)


def _other_machine(kind: str, seed: int) -> Series:
    """Return a series whose second half comes from another machine, 10 to 40 % slower or faster, and has a step."""
    generator = np.random.default_rng((7, seed))
    count, spread = int(generator.integers(60, 201)), float(generator.uniform(0.01, 0.05))
    moved = count // 2
    places = [moved + one for one in _places(count - moved, 1, generator)]
    level = _steps(count, places, generator)
    level[moved:] += np.log1p(generator.uniform(0.10, 0.40)) * generator.choice((-1, 1))
    markers = ["a"] * moved + ["b"] * (count - moved)
    return _series(kind, level, spread * normal(count, generator), places, markers=markers)


KINDS: dict[str, Callable[[str, int], Series]] = {
    "one step, CV 1-10 %": _one_step,
    "one step, CV 1-3 %": _calm_step,
    "two to five steps": _several_steps,
    "step in the last 5-10 points": _late_step,
    "step among outliers": lambda kind, seed: _one_step(kind, seed, with_outliers),
    "step, heavy tails": lambda kind, seed: _one_step(kind, seed, heavy_tailed),
    "step, skewed noise": lambda kind, seed: _one_step(kind, seed, skewed),
    "drift, with and without a step": _drift,
    "points with errors of their own": _errors_of_points,
    "step after a change of machine": _other_machine,
    "points with errors that do not fit": _wrong_errors_of_points,
}
"""The functions that make a series of each class from the name of the class and a seed."""

QUIET: dict[str, Callable[[str, int], Series]] = {
    "normal noise": lambda kind, seed: quiet(kind, seed, normal),
    "outliers": lambda kind, seed: quiet(kind, seed, with_outliers),
    "heavy tails": lambda kind, seed: quiet(kind, seed, heavy_tailed),
    "skewed noise": lambda kind, seed: quiet(kind, seed, skewed),
    "points with errors of their own": quiet_with_errors,
    "points with errors that do not fit": quiet_with_wrong_errors,
}
"""The same for classes of series without a change."""

DEPENDENT: dict[str, Callable[[str, int], Series]] = {
    **{f"autocorrelation {one}": functools.partial(quiet_dependent, dependence=one) for one in (0.0, 0.3, 0.5, 0.7)},
    "two modes": functools.partial(quiet_of_two_modes, lasting=1),
    "two modes that last three points": functools.partial(quiet_of_two_modes, lasting=3),
}
"""The same for classes of series without a change, whose points depend on each other."""


@dataclass(frozen=True)
class Score:
    """The numbers of changes that were found, that were missed, and that are none."""

    found: int = 0
    missed: int = 0
    false: int = 0

    @property
    def f1(self) -> float:
        return 2 * self.found / (2 * self.found + self.missed + self.false)

    def __add__(self, other: Score) -> Score:
        return Score(self.found + other.found, self.missed + other.missed, self.false + other.false)


def score(true: Sequence[int], called: Iterable[int], margin: int = MARGIN) -> Score:
    """Return how well the called changes meet the true ones; each of either counts once."""
    left, found = sorted(true), 0
    for one in sorted(called):
        near = [place for place in left if abs(place - one) <= margin]
        if near:
            left.remove(min(near, key=lambda place: abs(place - one)))
            found += 1
    return Score(found, len(left), len(set(called)) - found)
