"""The hours of a running service as text, beside the sessions of its tests."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Final

from pytest_perfbudget.core.history.service_window import ServiceWindow
from pytest_perfbudget.report.history import MOST_CELLS, Page
from pytest_perfbudget.report.numbers import counted, quantity, three_digits
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.sparkline import sparkline

_SHARES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_CHARTED: Final = ("p50", "p95")


def service_text(hours: Mapping[str, Sequence[ServiceWindow]], page: Page) -> str:
    """Return the hours of each component, the oldest on the left."""
    return "\n".join("".join(f"{line}\n" for line in _block(name, found, page)) for name, found in hours.items())


def service_list(components: Sequence[str], page: Page) -> str:
    """Return the names of the components that a service has, whose hours a user may ask for."""
    names = printable(", ".join(components), unicode=page.unicode)
    return textwrap.fill(f"In service: {names}", page.width, subsequent_indent="  ") + "\n"


def service_data(hours: Mapping[str, Sequence[ServiceWindow]]) -> list[dict[str, Any]]:
    """Return the hours as builtins; an hour that has not ended has the requests so far."""
    return [
        {
            "component": name,
            "start_s": one.start_s,
            "seconds": one.seconds,
            "count": one.tally.count,
            "errors": one.tally.errors,
            **{f"{word}_ns": quantile_ns for word, quantile_ns in _quantiles(one).items()},
        }
        for name, found in hours.items()
        for one in found
    ]


def _block(name: str, hours: Sequence[ServiceWindow], page: Page) -> Iterator[str]:
    cells = min(MOST_CELLS, page.width - 2)
    first, last = hours[0], hours[-1]
    yield f"{printable(name, unicode=page.unicode)} in service"
    yield f"  {counted(len(hours), 'hour')} with requests, {_date(first)} to {_date(last)}"
    quantiles = [_quantiles(one) for one in hours]
    for word in _CHARTED:
        values = [one[word] for one in quantiles]
        yield ""
        yield f"  {sparkline(values, cells, unicode=page.unicode)}"
        low, high = (quantity(choose(values), "ns") for choose in (min, max))
        yield f"  {word} {quantity(values[-1], 'ns')} in the last hour, {low} .. {high} in all"
    yield ""
    counts = [one.tally.count for one in hours]
    yield f"  {sparkline(counts, cells, unicode=page.unicode)}"
    requests, errors = sum(counts), sum(one.tally.errors for one in hours)
    share = f" ({three_digits(100 * errors / requests)} %)" if errors else ""
    yield f"  {counted(requests, 'request')}, {counted(errors, 'error')}{share}"


def _quantiles(hour: ServiceWindow) -> dict[str, float]:
    requests = hour.tally.cumulated()
    return {word: requests.quantile_ns(share) for word, share in _SHARES.items()}


def _date(hour: ServiceWindow) -> str:
    return datetime.fromtimestamp(hour.start_s, timezone.utc).date().isoformat()
