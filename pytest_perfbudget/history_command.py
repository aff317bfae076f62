"""The command `perfbudget history`: the trends of the file to which sessions append their results."""

from __future__ import annotations

import argparse
import difflib
import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_perfbudget.baseline.commit import folder_in_repository
from pytest_perfbudget.config import load_settings
from pytest_perfbudget.core.history.trend import Line, SeriesKey, Trend, along_line, main_metrics, main_trends
from pytest_perfbudget.core.limits import pattern_matches
from pytest_perfbudget.core.measurement import measurement_id
from pytest_perfbudget.core.precedence import resolve
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.errors import HistoryError
from pytest_perfbudget.history.anchor import Anchor, find_anchor
from pytest_perfbudget.history.line import line_of
from pytest_perfbudget.history.notes import NOTES, Keeping, pull, push
from pytest_perfbudget.history.subjects import subjects_of
from pytest_perfbudget.paths import project_root
from pytest_perfbudget.report.bars import shows_bars
from pytest_perfbudget.report.numbers import counted
from pytest_perfbudget.report.printable import without_commands

if TYPE_CHECKING:
    from pytest_perfbudget.core.history.creep import Creep
    from pytest_perfbudget.core.history.reading import Reading

_WIDTH: Final = 80
_DAY_S: Final = 86_400
_MOST_NEAR: Final = 3
Series = Mapping[SeriesKey, str]
"""The trends of a history, each with its component."""


def add_history_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command `history`."""
    showing = commands.add_parser(
        "history",
        help="show since when a number is higher or lower, and where it goes",
        description="Shows the trends of the history that sessions keep: all measurements, those that changed first, "
        "or a test with its change points, its commits and the time at which it will cross its limit.",
    )
    showing.add_argument(
        "name",
        nargs="?",
        default="",
        metavar="TEST|COMPONENT|push|pull",
        help="a test, its name or a component; or share the sessions with other jobs",
    )
    showing.add_argument("--metric", default="", metavar="NAME", help="the number to show, such as p95")
    showing.add_argument("--file", type=Path, metavar="PATH.db", help="the history; default: that of pyproject.toml")
    showing.add_argument("--all-branches", action="store_true", help="show the sessions of other branches, too")
    showing.add_argument("--json", action="store_true", help="print the trends with all points as JSON")
    showing.add_argument(
        "--remote",
        default="origin",
        metavar="NAME",
        help=f"the remote of `history push` and `history pull`, which share the sessions by {NOTES} (origin)",
    )
    showing.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    root = project_root(Path.cwd())
    settings = load_settings(root / "pyproject.toml")
    file = options.file or _file(root, settings)
    ways = {"push": _push, "pull": _pull}
    return ways.get(options.name, _show)(options, root, settings, file)


def _push(options: argparse.Namespace, root: Path, settings: Settings, file: Path) -> int:
    from pytest_perfbudget.history.store import sessions  # noqa: PLC0415 - see `_show`

    now_s = time.time()
    _check_there(file, options)
    oldest_s = _oldest_s(settings, now_s)
    anchor = _anchor(root, settings).commit
    # Of an anchor that git does not have here, the sessions are not known, so none is removed.
    keeping = None if settings.anchor and not anchor else Keeping(now_s, oldest_s, anchor)
    pushed = push(root, options.remote, sessions(file, oldest_s), keeping)
    _say(f"{counted(pushed, 'new session')} pushed to {NOTES} of {options.remote}\n")
    return 0


def _pull(options: argparse.Namespace, root: Path, settings: Settings, file: Path) -> int:
    from pytest_perfbudget.history.store import append  # noqa: PLC0415 - see `_show`

    found, unread = pull(root, options.remote)
    anchor = _anchor(root, settings).commit
    now_s = time.time()
    new = append(file, found, _oldest_s(settings, now_s), anchor, now_s=now_s)
    _say(f"{counted(new, 'new session')} pulled from {NOTES} of {options.remote}\n")
    if unread:
        text = "left out: written by a later version of pytest-perfbudget, or by another program"
        sys.stderr.write(f"perfbudget: {counted(unread, 'line')} of {NOTES} {text}\n")
    return 0


def _show(options: argparse.Namespace, root: Path, settings: Settings, file: Path) -> int:
    # Imported here: no other command needs numpy for its statistics, or SQLite.
    from pytest_perfbudget.core.history.reading import read_trend  # noqa: PLC0415
    from pytest_perfbudget.history.store import folders, series, trends  # noqa: PLC0415
    from pytest_perfbudget.history.windows import component_hours, window_components  # noqa: PLC0415
    from pytest_perfbudget.report.history import Page, history_list, history_text  # noqa: PLC0415
    from pytest_perfbudget.report.service_hours import service_data, service_list, service_text  # noqa: PLC0415

    _check_there(file, options)
    now_s = time.time()
    oldest_s = _oldest_s(settings, now_s)
    folder = _folder(root, of_folders := folders(file, oldest_s))
    known = dict(series(file, oldest_s, folder))
    served = window_components(file, oldest_s)
    if not (known or served):
        message = f"history {file}: no session of the last {settings.history_days} days has a number"
        raise HistoryError(message)
    hours = component_hours(file, oldest_s, options.name) if options.name else {}
    named = _named(known, options.name, file, served)
    anchor = _anchor(root, settings)

    line = Line() if options.all_branches else line_of(root)

    def read(keys: Sequence[SeriesKey]) -> tuple[list[Reading], int]:
        kept = trends(file, keys, oldest_s, anchor.commit, now_s=now_s, folder=folder)
        found, left_out = along_line(kept, line, anchor.commit)
        return [read_trend(one, _creep(one, settings, anchor)) for one in main_trends(found)], left_out

    readings, of_others = read(_chosen(named, options.metric, file))
    tests = {key.test for key in named}
    is_one = bool(options.name) and len(tests) == 1
    if is_one and not options.metric:
        limited = [key for key in named if key not in [one.trend.key for one in readings]]
        readings += [one for key in limited for one in read([key])[0] if one.limit is not None]
    if options.json:
        shown_hours = component_hours(file, oldest_s, options.name)
        data = {"of_other_branches": of_others, "trends": [one.to_dict() for one in readings]}
        data["service"] = service_data(shown_hours)
        _say(json.dumps({"file": str(file), **data}, indent=1) + "\n")
        return 0
    changed = [one.trend.points[change.index].commit for one in readings for change in one.changes]
    subjects = subjects_of(root, changed if is_one else ())
    page = Page(shutil.get_terminal_size((_WIDTH, 0)).columns, shows_bars(sys.stdout.encoding), anchor.name, subjects)
    parts = []
    if is_one:
        shown = {one.trend.key.metric for one in readings}
        parts.append(history_text(readings, page, sorted({key.metric for key in named} - shown)))
    elif readings:
        parts.append(history_list(readings, page))
    if hours:
        parts.append(service_text(hours, page))
    elif served and not options.name:
        parts.append(service_list(served, page))
    _say("\n".join([*parts, *_of_other_branches(of_others, line), *_of_other_folders(folder, of_folders)]))
    return 0


def _folder(root: Path, known: Mapping[str, int]) -> str | None:
    """Return the folder of the project in its repository; None if no session is of this folder, so that all count."""
    folder = folder_in_repository(root)
    return folder if folder in known else None


def _of_other_folders(folder: str | None, known: Mapping[str, int]) -> Iterator[str]:
    number = sum(known.values()) - known.get(folder or "", 0)
    if folder is not None and number:
        yield f"{counted(number, 'session')} of other folders of the repository left out\n"


def _of_other_branches(left_out: int, line: Line) -> Iterator[str]:
    """Yield what became of the sessions of other branches."""
    if left_out:
        yield f"{counted(left_out, 'session')} of other branches left out; --all-branches shows them\n"
    if line.is_shallow:
        yield "this clone is shallow: sessions of other branches are among these (git fetch --unshallow)\n"


def _file(root: Path, settings: Settings) -> Path:
    if not settings.history:
        message = 'no history: set history = ".perfbudget/history.db" in [tool.perfbudget], or name a file with --file'
        raise HistoryError(message)
    return root / settings.history


def _check_there(file: Path, options: argparse.Namespace) -> None:
    """Check that there is a history.

    Raises:
        HistoryError: there is none, as in a new clone.
    """
    from pytest_perfbudget.history.schema import is_there  # noqa: PLC0415 - see `_show`

    if not is_there(file):
        writes, named = (f"pytest --perf-history={file}", f" --file={file}") if options.file else ("pytest", "")
        message = f"history {file}: there is no such file here: {writes} begins one"
        message += f", and perfbudget history pull{named} fetches the sessions of other clones"
        raise HistoryError(message)


def _oldest_s(settings: Settings, now_s: float) -> float:
    return now_s - settings.history_days * _DAY_S


def _anchor(root: Path, settings: Settings) -> Anchor:
    """Return the anchor of the settings; an anchor without a commit if there is none, or git does not have it."""
    if not settings.anchor:
        return Anchor("", "")
    try:
        return find_anchor(root, settings.anchor)
    except HistoryError as error:
        sys.stderr.write(f"perfbudget: {error}\n")
        return Anchor("", "")


def _creep(trend: Trend, settings: Settings, anchor: Anchor) -> Creep | None:
    """Return the drift of a trend since the anchor, by the limits of the table; None if there is no anchor."""
    from pytest_perfbudget.core.history.creep import find_creep  # noqa: PLC0415 - see `_show`

    limits = resolve(settings, trend.key.test, [], name=trend.key.name)
    most = None if limits.max_drift is None else limits.max_drift.share
    return find_creep(trend, anchor.commit, warn_at=limits.max_regression.share, max_drift=most)


def _named(known: Series, name: str, file: Path, served: Sequence[str]) -> list[SeriesKey]:
    """Return the trends of the tests or the component that a user named; none of a component that only serves.

    Raises:
        HistoryError: the history has neither a test nor a component of the name.
    """
    if not name:
        return list(known)
    ways = (
        [key for key in known if name == measurement_id(key.test, key.name)],
        [key for key, component in known.items() if _is_within(component, name)],
        [key for key in known if pattern_matches(name, key.test)],
        [key for key in known if key.test.endswith(f"::{name}") or key.test.partition("[")[0].endswith(f"::{name}")],
    )
    if found := next(filter(None, ways), None):
        return found
    if any(_is_within(component, name) for component in served):
        return []
    near = _nearest(name, known, served)
    hint = f": did you mean {' or '.join(near)}?" if near else ""
    message = f"history {file}: no test or component {name!r}{hint}"
    raise HistoryError(message)


def _is_within(component: str, name: str) -> bool:
    return component == name or component.startswith(f"{name}.")


def _nearest(name: str, known: Series, served: Sequence[str]) -> list[str]:
    """Return the nearest names of tests and components; of a test, its function's name may be the near part."""
    names = {key.test: key.test for key in known} | {key.test.rpartition("::")[2]: key.test for key in known}
    names |= {component: component for component in (*known.values(), *served) if component}
    close = difflib.get_close_matches(name, sorted(names), n=_MOST_NEAR, cutoff=0.5)
    close += difflib.get_close_matches(name.rpartition("::")[2], sorted(names), n=_MOST_NEAR, cutoff=0.5)
    return list(dict.fromkeys(repr(names[one]) for one in close))[:_MOST_NEAR]


def _chosen(named: Sequence[SeriesKey], metric: str, file: Path) -> list[SeriesKey]:
    """Return the trends that may stand for each measurement, the better first, or that of the metric.

    Raises:
        HistoryError: no measurement has the metric.
    """
    if metric:
        found = [key for key in named if key.metric == metric]
        if not found:
            metrics = ", ".join(sorted({key.metric for key in named}))
            advice = f"use {metrics}" if metrics else "it has the hours of services only: leave out --metric"
            message = f"history {file}: no {metric!r} here: {advice}"
            raise HistoryError(message)
        return found
    metrics_of: dict[tuple[str, str], list[str]] = {}
    for key in named:
        metrics_of.setdefault((key.test, key.name), []).append(key.metric)
    return [
        SeriesKey(test, name, metric)
        for (test, name), metrics in metrics_of.items()
        for metric in main_metrics(metrics)
    ]


def _say(text: str) -> None:
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(without_commands(text).encode(encoding, "replace").decode(encoding))
