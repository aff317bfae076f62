"""The profile of a call that waits for its threads: what the threads do takes the place of the waiting."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.profiled_functions import ProfiledCall, ProfiledFunction

_WAITS: Final = re.compile(r"'(acquire|join)' of '_thread\.\w+' objects")
"""The built-in functions by which a call waits for its threads."""


def with_threads(
    profile: Mapping[str, ProfiledFunction],
    threads: Mapping[str, ProfiledFunction],
    roots: Mapping[str, ProfiledCall],
) -> dict[str, ProfiledFunction]:
    """Return a profile in which the function of the project that waits for threads calls their functions.

    Threads may run at the same time, so their times are reduced to the time that the call waited. The functions of a
    library by which the call waits may be those by which its threads wait, too, such as those of a queue. So these are
    passed over: otherwise the calls would be divided among all that wait, by times that differ from run to run.

    Args:
        profile: the profile of the call's own thread.
        threads: the functions of the other threads.
        roots: the calls of the functions at the top of these threads.
    """
    waits = {name: one for name, one in profile.items() if _WAITS.search(name) and one.own_ns}
    waited_ns = sum(one.own_ns for one in waits.values())
    busy_ns = sum(one.own_ns for one in threads.values())
    if not waited_ns or not busy_ns:
        return dict(profile)
    scale = min(waited_ns / busy_ns, 1.0)
    left = 1 - scale * busy_ns / waited_ns
    found = {
        name: replace(
            one,
            own_ns=one.own_ns * (left if name in waits else 1.0),
            callees={
                callee: ProfiledCall(call.calls, call.own_ns * (left if callee in waits else 1.0), call.total_ns)
                for callee, call in one.callees.items()
            },
        )
        for name, one in profile.items()
    }
    waiting = _waiting_function(profile, max(waits, key=lambda name: waits[name].own_ns))
    for name, call in roots.items():
        found[waiting].add_call(name, _scaled(call, scale))
    for name, one in threads.items():
        into = found.setdefault(name, ProfiledFunction(one.is_library))
        into.calls += one.calls
        into.own_ns += one.own_ns * scale
        into.total_ns += one.total_ns * scale
        for callee, call in one.callees.items():
            into.add_call(callee, _scaled(call, scale))
    return found


def _waiting_function(profile: Mapping[str, ProfiledFunction], wait: str) -> str:
    """Return the function of the project that spends most of a wait; the top of the profile if there is none."""
    name, passed = wait, {wait}
    while profile[name].is_library:
        callers = {caller: one.callees[name] for caller, one in profile.items() if name in one.callees}
        callers = {caller: call for caller, call in callers.items() if caller not in passed}
        if not callers:
            return name
        name = max(callers, key=lambda caller: callers[caller].total_ns)
        passed.add(name)
    return name


def _scaled(call: ProfiledCall, scale: float) -> ProfiledCall:
    return ProfiledCall(call.calls, call.own_ns * scale, call.total_ns * scale)
