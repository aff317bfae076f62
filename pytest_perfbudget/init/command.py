"""The command `perfbudget init`: gathers the changes, shows them, and writes those that it may."""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_perfbudget.baseline.from_pytest_benchmark import imported, seed_file
from pytest_perfbudget.config import load_settings, parse_settings
from pytest_perfbudget.core.suggestion import LOOSE, Suggestion, suggest
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.errors import ConfigError, InitError
from pytest_perfbudget.init import workflows
from pytest_perfbudget.init.file_change import FileChange, check_writable, read
from pytest_perfbudget.init.layout import Installation, declares_plugin, find_root, installation, repository_top
from pytest_perfbudget.init.measured import measure, read_report
from pytest_perfbudget.init.migration import Migration, migrate
from pytest_perfbudget.init.plugin_requirement import (
    check_requirement,
    plugin_requirement,
    requirement_without_checkout,
    with_report,
)
from pytest_perfbudget.init.table import DEFAULT_REGRESSION, Table, editor, existing, with_table
from pytest_perfbudget.report.numbers import counted, quantity
from pytest_perfbudget.table_name import NAME, misplaced

_MEASURE: Final = "measure"
_ACTION: Final = re.compile(r"[\w.-]+(/[\w.-]+)+@[\w./-]+|[.$]/[\w./-]+")
_MOST_UNMARKED: Final = 10
"""The most tests that get a budget in a project without any perf test: its slowest tests."""
_LEAST_UNMARKED_NS: Final = NS_PER["ms"]
"""The time from which tests of a project without any perf test get budgets; of faster tests, the slowest gets one."""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `init` to the commands."""
    parser = commands.add_parser(
        "init",
        help="set a project up: configuration, budgets from a measured run, workflows",
        description="Writes the table [tool.perfbudget] into pyproject.toml and, if asked, workflow files, and shows "
        "each change as a diff. Only adds: what is there already changes with --force. A second run finds nothing to "
        "do. Ends with exit code 1 if a change was left out.",
    )
    parser.add_argument(
        "--suggest",
        nargs="?",
        const=_MEASURE,
        metavar="REPORT.json",
        help="suggest budgets: from a session that runs now, or from the JSON report of a session",
    )
    parser.add_argument("--github", action="store_true", help=f"write {workflows.GITHUB}, the gate for pull requests")
    parser.add_argument(
        "--self-test",
        action="store_true",
        help=f"with --github: also write {workflows.SELF_TEST}, which tests each week whether the gate sees a slowdown",
    )
    parser.add_argument(
        "--comment",
        action="store_true",
        help=f"with --github: also write {workflows.COMMENT}, which posts the verdict on the pull request",
    )
    parser.add_argument(
        "--action",
        default="",
        metavar="OWNER/REPO/PATH@COMMIT",
        help="with --github: let this action run the gate, such as a copy of .github/actions/perf-gate",
    )
    parser.add_argument(
        "--plugin",
        default="",
        metavar="REQUIREMENT",
        help="the place from which a workflow installs pytest-perfbudget, if the project's requirements do not name it "
        "(the place from which it is installed here)",
    )
    parser.add_argument("--gitlab", action="store_true", help=f"write {workflows.GITLAB}, the gate for merge requests")
    parser.add_argument(
        "--from",
        dest="origin",
        choices=("pytest-benchmark", "codspeed"),
        help="take over the options, saved results and tests of another plugin, and say what becomes what",
    )
    parser.add_argument("--force", action="store_true", help="also change what is there already")
    parser.add_argument("--dry-run", action="store_true", help="show the changes, write nothing")
    parser.set_defaults(run=_init)


def _init(options: argparse.Namespace) -> int:
    _check(options)
    root = find_root(Path.cwd())
    if (other := misplaced(root)) is not None:
        message = f"{other} has a table of {NAME}, which is not read: move the table to pyproject.toml as [tool.{NAME}]"
        raise ConfigError(message)
    file = root / "pyproject.toml"
    content = read(file)
    present = existing(content, file.name)
    if present is not None:
        parse_settings(present, file.name)  # a mistake in it shows before anything is measured
        if options.suggest == _MEASURE:
            editor()
    if options.suggest and not options.dry_run and (options.force or present is None):
        check_writable(file)  # measuring takes minutes
    plugin = with_report(options.plugin) if options.plugin else _plugin(root, options)
    installed = installation(root, plugin or "")
    migration = migrate(root) if options.origin else Migration()
    _say_notes(migration, options.origin)
    suggested = _suggested(root, options.suggest) if options.suggest else ()
    changes = [_table_change(file, content, migration, suggested, is_new=present is None)]
    if plugin is None:
        unknown = "this environment does not say where the plugin comes from: --plugin names the place"
        _say(f"{' and '.join(_asked(options))}: left as is, because {unknown}")
    else:
        changes += _workflows(options, installed)
    left_out = _apply(installed.top, changes, options)
    if migration.saved:
        _import(root, migration.saved, is_dry=options.dry_run)
    if options.gitlab and workflows.lacks_include(installed.top):
        _say(f"add to {workflows.GITLAB_ROOT}:\n  include:\n    - local: {workflows.GITLAB}")
    if _asked(options) and plugin is not None and not installed.is_declared:
        _say(
            "pytest-perfbudget is not among the requirements of the tests: add it there with the place it comes from; "
            f"the workflow {'leaves that to the action' if options.action else f'runs {installed.install}'}"
        )
    return 1 if left_out else 0


def _workflows(options: argparse.Namespace, installed: Installation) -> Iterator[FileChange]:
    """Yield the files that the options ask for."""
    if options.github:
        yield workflows.github(installed, options.action)
    if options.self_test:
        yield workflows.self_test(installed, options.action)
    if options.comment:
        plugin = "" if options.action else requirement_without_checkout(options.plugin)
        yield workflows.comment(installed, options.action, plugin)
    if options.gitlab:
        yield from workflows.gitlab(installed)


def _check(options: argparse.Namespace) -> None:
    if options.action and not options.github:
        message = "--action is the action of the workflow for GitHub: add --github"
        raise InitError(message)
    if options.action and not _ACTION.fullmatch(options.action):
        message = f"--action: {options.action!r} is no action: write OWNER/REPO/PATH@COMMIT, ./PATH or $/PATH"
        raise InitError(message)
    for name in ("self_test", "comment"):
        if getattr(options, name) and not options.github:
            message = f"--{name.replace('_', '-')} writes a workflow for GitHub: add --github"
            raise InitError(message)
    if options.plugin and not _installs_plugin(options):
        message = (
            "--plugin is for a workflow that installs the plugin itself: add --github without --action, or --gitlab"
        )
        raise InitError(message)
    if options.plugin:
        check_requirement(options.plugin)


def _installs_plugin(options: argparse.Namespace) -> bool:
    """Return whether a workflow installs the plugin, which otherwise comes with the action."""
    return bool(options.gitlab or (options.github and not options.action))


def _plugin(root: Path, options: argparse.Namespace) -> str | None:
    """Return the requirement that a workflow adds to those of the project; empty if it needs none.

    None stands for a place that is not known here, where the workflows are there already: the run before named it.

    Raises:
        InitError: the place is not known, and a workflow has to be written.
    """
    if declares_plugin(root) or not _installs_plugin(options):
        return ""
    try:
        return plugin_requirement()
    except InitError:
        top = repository_top(root)
        if options.force or not all((top / one).is_file() for one in _asked(options)):
            raise
        return None


def _asked(options: argparse.Namespace) -> list[str]:
    """Return the workflow files that the user asks for."""
    asked = {
        workflows.GITHUB: options.github,
        workflows.SELF_TEST: options.self_test,
        workflows.COMMENT: options.comment,
        workflows.GITLAB: options.gitlab,
    }
    return [name for name, is_asked in asked.items() if is_asked]


def _table_change(
    file: Path, content: str | None, migration: Migration, suggested: Sequence[Suggestion], *, is_new: bool
) -> FileChange:
    keys: dict[str, object] = {"max_regression": DEFAULT_REGRESSION} if is_new else {}
    budgets: dict[str, Mapping[str, object]] = {**migration.budgets}
    budgets.update({one.test: one.entry() for one in suggested})
    about = f"suggested on {dt.date.today():%Y-%m-%d}: twice the measured bound, rounded up" if suggested else ""  # noqa: DTZ011 - the user's day
    wanted = Table({**keys, **migration.keys}, budgets, about)
    after = with_table(content, wanted, file.name)
    return FileChange(file, content, after, "" if is_new else f"has a table [tool.{NAME}] already")


def _suggested(root: Path, source: str) -> Sequence[Suggestion]:
    if source == _MEASURE:
        _say(f"measuring the tests in {root}", as_progress=True)
        session = measure(root)
        if session.result.session.exit_status:
            _say(
                f"the measured session: {session.last_line}; a test that fails, or fails when repeated, gets no budget"
            )
    else:
        session = read_report(Path(source))
    found = suggest(session.result.measurements)
    if not session.is_of_all_tests:
        _say_suggestions(found.budgets, found.without)
        if not (found.budgets or found.without):
            number = counted(len(session.result.measurements), "measurement")
            _say(f"nothing to suggest: {number} in the session, and each has a limit already")
        return found.budgets
    slow = sorted(found.budgets, key=lambda one: -one.observed_ns)[:_MOST_UNMARKED]
    # A suite of fast tests has a budget too: without any, the gate would have nothing to measure.
    chosen = [one for one in slow if one.observed_ns >= _LEAST_UNMARKED_NS] or slow[:1]
    if not chosen:
        _say_suggestions((), found.without)
        _say("no test was a perf test, and none can have a budget")
        return ()
    _say_suggestions(chosen, {})
    which = "the slowest from 1 ms on get a budget" if len(chosen) > 1 else "the slowest gets a budget"
    _say(f"no test was a perf test: of {counted(len(found.budgets), 'measured test')}, {which}")
    return chosen


def _apply(top: Path, changes: Iterable[FileChange], options: argparse.Namespace) -> list[FileChange]:
    """Show the changes, write those that are allowed, and return those that were left out."""
    needed = [one for one in changes if one.is_needed]
    left_out = [one for one in needed if one.replaces and not options.force]
    for one in needed:
        if not (options.dry_run or one in left_out):
            check_writable(one.path)
    if not needed:
        _say("nothing to do: everything is there already")
    for one in needed:
        sys.stdout.write(one.diff(top))
        name = one.path.relative_to(top).as_posix()
        if options.dry_run:
            _say(f"{name}: not written (--dry-run)")
        elif one in left_out:
            _say(f"{name}: not written, because it {one.replaces}: --force makes this change")
        else:
            one.write()
            _say(f"{name}: written")
    return left_out


def _import(root: Path, files: Sequence[Path], *, is_dry: bool) -> None:
    """Seed a baseline from saved results, unless the project has a baseline."""
    baseline = root / load_settings(root / "pyproject.toml").baseline
    is_there = baseline.exists()
    for file in files:
        name = file.relative_to(root)
        if is_dry or is_there:
            _say(f"saved results: perfbudget import-benchmark {name}")
        else:
            _say(f"{baseline.name}: {counted(seed_file(baseline, imported(file)), 'benchmark')} added from {name}")


def _say_notes(migration: Migration, origin: str | None) -> None:
    if not origin:
        return
    if not migration.notes:
        _say("found no option and no test of pytest-benchmark or CodSpeed")
    width = max((len(old) for old, _ in migration.notes), default=0)
    for old, new in migration.notes:
        _say(f"{old:<{width}}  ->  {new}")


def _say_suggestions(found: Sequence[Suggestion], without: Mapping[str, str]) -> None:
    width = max((len(one.test) for one in found), default=0)
    for one in found:
        observed, bound, limit = (quantity(ns, "ns") for ns in (one.observed_ns, one.bound_ns, one.limit_ns))
        _say(f"{one.test:<{width}}  {one.statistic} {observed:>8}, at most {bound}  ->  {limit}")
    if loose := [one for one in found if one.is_loose]:
        _say(
            f"the rounds of {counted(len(loose), 'test')} differ so much that the limit is {LOOSE} times the measured "
            "time or more: if the machine is busy, suggest again when it is not (--force)"
        )
    for test, reason in without.items():
        _say(f"{test}: no budget, because {reason}")


def _say(text: str, *, as_progress: bool = False) -> None:
    stream = sys.stderr if as_progress else sys.stdout
    encoding = stream.encoding or "ascii"
    stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    stream.flush()
