"""The lines of a baseline that allow more than those of another commit: raised numbers, easier loads, lost lines."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_perfbudget.baseline.schema import Baseline, Key, Line
from pytest_perfbudget.core.load.differences import load_differences
from pytest_perfbudget.core.loosening import Loosening
from pytest_perfbudget.core.metrics import METRICS

_MS = 1e6


def raised(before: Baseline, after: Baseline, tolerance: float, file: str) -> list[tuple[Key, Loosening]]:
    """Return the raised numbers, the loads that became easier, and the lines that are gone, each with its key.

    A number that grew by less than the tolerance is the noise of another update.

    Args:
        before: the baseline of the other commit.
        after: the baseline of the working tree.
        tolerance: the growth that is no raise, as a share.
        file: the name of the file.
    """
    found = []
    for key, line in before.lines.items():
        own = after.lines.get(key)
        found += [(key, one) for one in _of_line(line, own, tolerance, file)]
    return found


def _of_line(before: Line, after: Line | None, tolerance: float, file: str) -> Iterator[Loosening]:
    if after is None:
        yield Loosening("line of the baseline", "no line", file)
        return
    for one in load_differences(before.load, after.load):
        if one.needs_reason:
            yield Loosening(f"load of the baseline {one.before}", one.after, file)
    if before.time is not None:
        was = before.time.time_ns
        if after.time is None:
            yield Loosening(f"time of the baseline {was / _MS:.3g} ms", "none", file)
        elif after.time.time_ns > was * (1 + tolerance):
            yield Loosening(f"time of the baseline {was / _MS:.3g} ms", f"{after.time.time_ns / _MS:.3g} ms", file)
    for name, number in before.counts.items():
        now = after.counts.get(name)
        if now is None or now > METRICS[name].allowed(number, tolerance):
            yield Loosening(f"{name} of the baseline {number:,}", "none" if now is None else f"{now:,}", file)
