"""The command `perfbudget history`: the trends of the file to which sessions append their results."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_perfbudget.baseline.commit import folder_in_repository
from pytest_perfbudget.config import load_settings
from pytest_perfbudget.core.history.trend import Line, SeriesKey, Trend, along_line, main_trends
from pytest_perfbudget.core.precedence import resolve
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.errors import HistoryError
from pytest_perfbudget.history.anchor import Anchor, find_anchor
from pytest_perfbudget.history.line import line_of
from pytest_perfbudget.history.named import main_keys, named_series
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
Number = tuple[str, str]
"""The test and the name of a measurement."""
Held = tuple[str, "Creep"]
"""The metric whose drift stands for a measurement, and its drift."""


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
    named = named_series(known, options.name, file, served)
    anchor = _anchor(root, settings)

    line = Line() if options.all_branches else line_of(root)

    def read(keys: Sequence[SeriesKey]) -> tuple[list[Trend], int]:
        kept = trends(file, keys, oldest_s, anchor.commit, now_s=now_s, folder=folder)
        return along_line(kept, line, anchor.commit)

    found, of_others = read(main_keys(named, options.metric, file))
    judged = _judged(read(main_keys(named, "", file))[0] if options.metric else found, settings, anchor)
    readings = [_reading(one, settings, anchor, judged, is_main=not options.metric) for one in main_trends(found)]
    tests = {key.test for key in named}
    is_one = bool(options.name) and len(tests) == 1
    if is_one and not options.metric:
        mains = [one.trend.key for one in readings]
        others, _ = read([key for key in named if key not in mains])
        beside = [_reading(one, settings, anchor, judged, is_main=False) for one in others]
        readings += [one for one in beside if one.limit is not None]
    if options.json:
        shown_hours = component_hours(file, oldest_s, options.name)
        left_out = {"of_other_branches": of_others, "of_other_folders": _of_other_folders(folder, of_folders)}
        data = {"trends": [one.to_dict() for one in readings], "service": service_data(shown_hours)}
        _say(json.dumps({"file": str(file), **left_out, **data}, indent=1) + "\n")
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
    _say("\n".join([*parts, *_of_other_branches(of_others, line), *_left_out(_of_other_folders(folder, of_folders))]))
    return 0


def _folder(root: Path, known: Mapping[str, int]) -> str | None:
    """Return the folder of the project in its repository; None if no session is of this folder, so that all count."""
    folder = folder_in_repository(root)
    return folder if folder in known else None


def _of_other_folders(folder: str | None, known: Mapping[str, int]) -> int:
    """Return the number of the sessions that are left out because they are of other folders."""
    return 0 if folder is None else sum(known.values()) - known[folder]


def _left_out(of_other_folders: int) -> Iterator[str]:
    if of_other_folders:
        yield f"{counted(of_other_folders, 'session')} of other folders of the repository left out\n"


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


def _reading(
    trend: Trend, settings: Settings, anchor: Anchor, judged: Mapping[Number, Held], *, is_main: bool
) -> Reading:
    """Return a trend with its meaning, and with a drift as a session judges it.

    Args:
        trend: the trend.
        settings: the settings of the project.
        anchor: the commit since which drift is judged.
        judged: the drift of each measurement, see `_judged`.
        is_main: whether the trend stands for its measurement, so that the measurement's drift stands beside it.
    """
    from pytest_perfbudget.core.history.reading import read_trend  # noqa: PLC0415 - see `_show`

    metric, creep = judged.get((trend.key.test, trend.key.name), ("", None))
    if metric == trend.key.metric or is_main:
        return read_trend(trend, creep, metric)
    return read_trend(trend, _creep(trend, settings, anchor, is_judged=False))


def _judged(trends: Sequence[Trend], settings: Settings, anchor: Anchor) -> Mapping[Number, Held]:
    """Return the drift of each measurement by the best number that the anchor has, as a session judges it."""
    found: dict[Number, Held] = {}
    for one in trends if anchor.commit else ():
        place = (one.key.test, one.key.name)
        if place not in found and (creep := _creep(one, settings, anchor, is_judged=True)) is not None:
            found[place] = (one.key.metric, creep)
    return found


def _creep(trend: Trend, settings: Settings, anchor: Anchor, *, is_judged: bool) -> Creep | None:
    """Return the drift of a trend since the anchor, by the limits of the table; None if there is no anchor.

    Sessions do not judge the drift of other numbers, so `max_drift` has no part in these.
    """
    from pytest_perfbudget.core.history.creep import find_creep  # noqa: PLC0415 - see `_show`

    limits = resolve(settings, trend.key.test, [], name=trend.key.name)
    most = limits.max_drift.share if is_judged and limits.max_drift is not None else None
    return find_creep(trend, anchor.commit, warn_at=limits.max_regression.share, max_drift=most)


def _say(text: str) -> None:
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(without_commands(text).encode(encoding, "replace").decode(encoding))
