"""The wording of the functions behind a slowdown: whose code has caused it, how, and what follows from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.results import Growth
from pytest_perfbudget.core.versions import VersionChange
from pytest_perfbudget.report.numbers import quantity

HEADING: Final = "Code that became slower, with its part of the slowdown by profiles of both sides:"

HEADING_OF_CHANGES: Final = "Code that may be the cause:"

NO_CULPRIT: Final = (
    "No function is named as the cause: none stands out beyond the errors of the profiles of both sides. "
    "If there are several commits in between, perfbudget bisect finds the commit."
)

_ONLY_CHANGE: Final = "most likely the cause"

_ABOVE: Final = 1.1
"""The ratio of a part to the whole slowdown above which errors of the profiles do not explain the part."""

_SHOWN_VERSIONS: Final = 5

_IN_CHILD: Final = re.compile(
    r"^(subprocess|multiprocessing\.[\w.]+|concurrent\.futures\.process):|\b(waitpid|wait4|system)$"
)
"""The library functions that wait for a child process."""

_METHOD: Final = re.compile(r"method '(.+)' of '(.+)' objects")
"""The name of a built-in method in a profile."""


def blame_lines(
    blamed: Sequence[Blame], grown: Sequence[Growth], installed: Sequence[VersionChange] = ()
) -> Iterator[str]:
    """Yield the functions that caused a slowdown, a line each, and the functions that are called more often.

    Args:
        blamed: the functions that caused a slowdown.
        grown: the functions that are called more often.
        installed: the distributions that may have caused the slowdown, because they have other versions.
    """
    if any(one.is_imported is not False for one in installed):  # which is why the same code takes longer
        blamed = [replace(one, is_unchanged=False) for one in blamed]
    if blamed:
        changed = [one for one in blamed if one.cause is Cause.OTHER_CODE]
        others = [one for one in blamed if one not in changed]
        if len(changed) == 1 and all(one.is_unchanged for one in others):  # the others wait, or are given other data
            blamed = [*changed, *others]
        yield HEADING if len(changed) < len(blamed) else HEADING_OF_CHANGES
        most = f"; {_ONLY_CHANGE}" if changed == [blamed[0]] else ""
        yield from (f"  {blame_text(one)}{most if one in changed else ''}" for one in blamed)
    if blamed and grown:
        yield f"  also called more often: {', '.join(map(_short_growth, grown))}"
    elif grown:
        yield "Called more often:"
        yield from (f"  {_growth(one)}" for one in grown)

    if installed:
        yield _versions_text(installed)


def _versions_text(installed: Sequence[VersionChange]) -> str:
    """Return which imported distributions have other versions, and the number of the others."""
    is_known = all(one.is_imported is not None for one in installed)
    shown = [one for one in installed if one.is_imported or not is_known][:_SHOWN_VERSIONS]
    if not shown:
        have = "1 has another version" if len(installed) == 1 else f"{len(installed)} have other versions"
        return f"Of the installed distributions, {have} than for the baseline; the project uses none of these"
    more = len(installed) - len(shown)
    others = f", and {more} more" if more else ""
    what = "Imported, and installed in another version" if is_known else "Installed in other versions"
    return f"{what} than for the baseline: {', '.join(map(_version, shown))}{others}"


def blame_text(one: Blame) -> str:
    """Return a function that caused a part of a slowdown, with the way and the part.

    Where the code of the caller is the same, what is called has changed, such as a function without its cache.
    """
    if one.cause is Cause.OTHER_CODE:
        return f"{one.function} {cause_text(one)}"
    if one.is_unchanged and one.cause is Cause.MORE_CALLS and one.before == 0 and ":" in one.callee:
        how = f"now runs {_how_often(one.after)} of {one.function} {_rates(one.before, one.after)}"
        return f"{one.callee} {how}: {gained_text(one)}"
    return f"{one.function} {cause_text(one)}: {gained_text(one)}"


def gained_text(one: Blame) -> str:
    """Return the part of a slowdown that a function caused; a part far above the whole says why that can be."""
    if one.cause is Cause.OTHER_CODE:
        return "not known"
    gained, whole = quantity(one.gained_ns, "ns"), quantity(one.of_ns, "ns")
    if one.gained_ns > _ABOVE * one.of_ns:
        return f"+{gained} (+{whole} in all: other code is faster, or the profiles err)"
    return f"+{gained if one.gained_ns < one.of_ns else whole} of +{whole}"


def cause_text(one: Blame) -> str:
    """Return the way in which a function's code became slower, after the name of the function."""
    callee = short_name(one.callee)
    if one.cause is Cause.OWN_CODE:
        text = "takes longer in its own lines"
        return f"{text}, in the same code: look at what it is given" if one.is_unchanged else text
    if one.cause is Cause.OTHER_CODE:
        return "was changed; its part of the slowdown is not known"
    if one.cause is Cause.NEW_AROUND:
        return f"is new around {callee}"
    if one.cause is Cause.SLOWER_LIBRARY and _IN_CHILD.search(one.callee):
        return f"waits longer for a child process, in {callee}, whose functions are not profiled"
    if one.cause is Cause.SLOWER_LIBRARY:
        return _library_text(one)
    return _calls_text(one)


def _library_text(one: Blame) -> str:
    """Return that library functions take longer; where their caller is the same, the cause is elsewhere."""
    callees = [short_name(name) for name in one.callees]
    if one.also:
        text = f"spends longer in {', '.join(callees[:-1])} and {callees[-1]}, which it calls as often as before"
    else:
        text = f"spends longer in {callees[0]}, which it calls as often as before ({_rate(one.after)} in each call)"
    hint = ", in the same code: look at what it passes, and at another thread or process that it waits for"
    return text + hint if one.is_unchanged else text


def kind_text(one: Blame) -> str:
    """Return the way in which a function's code became slower as `cause_text` does, but without numbers of calls."""
    callee = short_name(one.callee)
    if one.cause is Cause.MORE_CALLS:
        return f"now calls {callee}" if one.before == 0 else f"calls {callee} more often"
    return f"spends longer in {callee}" if one.cause is Cause.SLOWER_LIBRARY else cause_text(one)


def _calls_text(one: Blame) -> str:
    callee = short_name(one.callee)
    if one.cause is Cause.OTHER_CALLS:
        return f"calls {callee} in place of {short_name(one.instead)}"
    also = [f"{short_name(name)} {_rates(before, after)}" for name, before, after in one.also]
    rates = _rates(one.before, one.after)
    further = f"{', '.join(['', *also[:-1]])} and {also[-1]}" if also else ""
    if one.before == 0:
        return f"now calls {callee} {_how_often(one.after)} {rates}{further}"
    how = "once more" if one.after - one.before == 1 else "more often"
    return f"calls {callee} {how} in each call {rates}{further}"


def _how_often(rate: float) -> str:
    return "on every call" if rate == 1 else "in some calls" if rate < 1 else "in each call"


def _rates(before: float, after: float) -> str:
    return f"({_rate(before)} -> {_rate(after)})"


def short_name(function: str) -> str:
    """Return the name of a function as code has it: `dict.get` for a built-in method."""
    return _METHOD.sub(r"\2.\1", function).removeprefix("built-in method ").removeprefix("builtins.")


def _version(one: VersionChange) -> str:
    if not one.before:
        return f"{one.name} {one.after} (new)"
    return f"{one.name} {one.before} -> {one.after or 'gone'}"


def _rate(calls: float) -> str:
    return f"{calls:,.0f}" if calls >= 100 or calls == round(calls) else f"{calls:.2g}"


def _growth(growth: Growth) -> str:
    noun = "call" if growth.after == 1 else "calls"
    by = f", by {growth.caller}" if growth.caller else ""
    return f"{_before(growth)} -> {growth.after:,} {noun} of {growth.function}{by}"


def _short_growth(growth: Growth) -> str:
    return f"{short_name(growth.function)} ({_before(growth)} -> {growth.after:,})"


def _before(growth: Growth) -> str:
    return "few" if growth.before is None else f"{growth.before:,}"
