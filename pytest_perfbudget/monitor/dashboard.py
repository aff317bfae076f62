"""The dashboard of a service for a terminal: a summary in, a rich renderable out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pytest_perfbudget.core.health import FAIR, GOOD
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.report.numbers import age, counted, quantity, share_text, three_digits
from pytest_perfbudget.report.printable import printable

_BARS: Final = "▁▂▃▄▅▆▇█"
_NS_PER_MS: Final = NS_PER["ms"]
_MOST_ERRORS: Final = 8


def print_summary(summary: Mapping[str, Any]) -> None:
    """Print a summary on standard output."""
    console = Console()
    console.print(dashboard(summary, console.width))


def dashboard(summary: Mapping[str, Any], width: int) -> RenderableType:
    """Return the picture of a summary for a terminal of so many columns."""
    parts: list[RenderableType] = [_headline(summary), _components(summary, width)]
    parts += _alerts(summary)
    parts += _silent(summary)
    parts += _exceeded(summary)
    parts += _errors(summary)
    parts += [plain(f"note: {one}", "yellow") for one in summary["notes"]]
    return Group(*parts)


def plain(text: str, style: str = "") -> Text:
    """Return a text from outside on a single line: neither rich's markup nor escape sequences in it have an effect."""
    return Text(printable(text, unicode=True), style)


def sparkline(values: Sequence[float], width: int = 30) -> str:
    """Return the last values as a line of bars; the highest bar is the largest value, and a blank is no value."""
    shown = values[-width:]
    most = max(shown, default=0.0)
    if not most:
        return " " * len(shown)
    return "".join(_BARS[min(int(one / most * 8), 7)] if one else " " for one in shown)


def _headline(summary: Mapping[str, Any]) -> Text:
    score, apdex = summary["health_score"], summary["apdex"]
    text = Text("health ")
    text.append(*_score(score))
    if score is not None:
        text.append(" of 100")
    if apdex is not None:
        text.append(f"   Apdex {apdex:.2f}")
    uptime_s = (summary["at_ns"] - summary["start_ns"]) / NS_PER["s"]
    text.append(f"   over {summary['judged_over']}   {_life(uptime_s, summary.get('ended_s'))}")
    if summary["processes"] > 1:
        text.append(f"   {counted(summary['processes'], 'process', 'es')}")
    return text


def _life(uptime_s: float, ended_s: float | None) -> str:
    """Return how long a service has been up, or that it has written nothing for some time."""
    return f"up {age(uptime_s)}" if ended_s is None else f"ran {age(uptime_s)}, until {age(ended_s)} ago"


def _components(summary: Mapping[str, Any], width: int) -> RenderableType:
    if not summary["components"]:
        return Text("no requests yet", "dim")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("component", overflow="fold", min_width=10)
    shown = [one for one in _COLUMNS if width >= one.least_width]
    for one in shown:
        table.add_column(one.title, justify="right", no_wrap=True)
    in_cell = next((number for least_width, number in _POINTS_IN_CELL if width >= least_width), 0)
    if in_cell:
        table.add_column(f"p95, {summary['points_over']}", no_wrap=True)
    for name, component in summary["components"].items():
        numbers = component["windows"][summary["judged_over"]]
        cells = [one.cell(component, numbers) for one in shown]
        if in_cell:
            cells.append(Text(sparkline(_largest(component["points"]["p95_ms"], in_cell)), "cyan"))
        table.add_row(plain(name), *cells)
    return table


def _largest(values: Sequence[float], number: int) -> list[float]:
    """Return the largest of each so many values."""
    return [max(values[at : at + number]) for at in range(0, len(values), number)]


class _Column(NamedTuple):
    """A column: its title, its content, and the width of the terminal from which the column is shown."""

    title: str
    cell: Callable[[Mapping[str, Any], Mapping[str, Any]], Text]
    least_width: int = 0


def _error_rate(numbers: Mapping[str, Any]) -> Text:
    return Text(f"{100 * numbers['error_rate']:.1f} %", "red") if numbers["errors"] else Text("0")


def _most_used(budgets: Sequence[Mapping[str, Any]]) -> Text:
    """Return the used share of the budget that is worst off."""
    if not budgets:
        return Text("-", "dim")
    worst = max(budgets, key=lambda one: (one["verdict"] == "exceeded", one["spent"] or 0.0))
    style = {"exceeded": "bold red", "undecided": "yellow"}.get(worst["verdict"], "green")
    return Text(f"{worst['metric']} {share_text(worst['spent'] or 0.0)}", style)


_POINTS_IN_CELL: Final = ((115, 1), (95, 2))
"""The widths of the terminal from which the trend is shown, each with the number of points in a cell of the trend."""
_COLUMNS: Final = (
    _Column("health", lambda one, _: Text(*_score(one["health_score"]))),
    _Column("req/s", lambda _, numbers: Text(three_digits(numbers["per_second"]))),
    _Column("req/min", lambda _, numbers: Text(three_digits(numbers["per_minute"])), 105),
    _Column("p50", lambda _, numbers: Text(_time(numbers["p50_ms"])), 70),
    _Column("p95", lambda _, numbers: Text(_time(numbers["p95_ms"]))),
    _Column("p99", lambda _, numbers: Text(_time(numbers["p99_ms"])), 80),
    _Column("errors", lambda _, numbers: _error_rate(numbers)),
    _Column("budget", lambda one, _: _most_used(one["budgets"])),
)


def _alerts(summary: Mapping[str, Any]) -> Iterator[RenderableType]:
    for one in summary["alerts"]:
        where = f" of {one['component']}" if one["component"] else ""
        value = "without requests" if one["value"] is None else three_digits(one["value"])
        numbers = f"{one['metric']}{where} {value}, limit {one['limit']:g}, over {one['window']}"
        if one["state"] == "firing":
            since_s = (summary["at_ns"] - one["since_ns"]) / NS_PER["s"]
            ended_s = summary.get("ended_s")  # a service of an earlier version does not say so
            until = "" if ended_s is None else f", until {age(ended_s)} ago"
            yield plain(f"ALERT {one['alert']}: {numbers}, for {age(since_s)}{until}", "bold red")
        elif one["state"] == "pending":
            yield plain(f"alert {one['alert']} is pending: {numbers}", "yellow")


def _silent(summary: Mapping[str, Any]) -> Iterator[RenderableType]:
    for name, component in summary["components"].items():
        if component["silent_s"] is not None and component["health_score"] is not None:
            since = age(component["silent_s"])
            yield plain(
                f"{name}: no requests for {since}; its score and its budgets are those of its last requests", "yellow"
            )


def _exceeded(summary: Mapping[str, Any]) -> Iterator[RenderableType]:
    for name, component in summary["components"].items():
        for one in component["budgets"]:
            if one["verdict"] == "exceeded":
                found, limit = (quantity(one[key], one["unit"]) for key in ("estimate", "limit"))
                place = f"limit {one['keyword']} from {one['source']}"
                yield plain(f"{name}: {one['metric']} {found} exceeds its budget of {limit}; {place}", "red")


def _errors(summary: Mapping[str, Any]) -> Iterator[RenderableType]:
    for one in summary["errors"][:_MOST_ERRORS]:
        ago_s = (summary["at_ns"] - one["at_ns"]) / NS_PER["s"]
        text = plain(f"{counted(one['count'], 'error')} in {one['component']}, the last {age(ago_s)} ago: ", "red")
        text.append(plain(f"{one['kind']}: {one['message']}", "default"))
        details = [f"at {one['place']}"] if one["place"] else []
        details += [f"within {one['parent']}"] if one["parent"] else []
        if details:
            text.append(plain("  " + ", ".join(details), "dim"))
        yield text


def _score(score: int | None) -> tuple[str, str]:
    if score is None:
        return "-", "dim"
    return str(score), "green" if score >= GOOD else "yellow" if score >= FAIR else "bold red"


def _time(value_ms: float | None) -> str:
    return "-" if value_ms is None else quantity(value_ms * _NS_PER_MS, "ns")
