"""The programs under test; each function's docstring shows what it makes if it is given nothing.

FRESH in them is true in the fresh processes that measure again, on both sides of a comparison of commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent
from typing import Final

FEW_RUNS: Final = """
[tool.perfbudget]
baseline_runs = 2
"""
"""A pyproject.toml: a baseline of the fewest runs that have a spread."""

FASTER_MS: Final = 0.8
"""For a head's `shop`: clearly not the base's code, and confirmed by no more processes, as a slower head is."""

SEQUENTIAL: Final = '[tool.perfbudget.duet]\nmode = "sequential"\n'
"""A pyproject.toml: one process after the other."""

_HEADER = """import os, signal, sys
FRESH = os.environ.get("PERFBUDGET_FRESH") == "1"
"""

_TRACKED = """
from itertools import count
from pytest_perfbudget.tracing import Span, current, emit, is_tracking
from pytest_perfbudget.tracing.span import EPOCH_NS
import scripted
from scripted import advance

_ids = count(1)

def part(name, ms):
    start = scripted.now_ns
    advance(ms, ms)
    if is_tracking():
        inside = current()
        emit(Span(name, inside.trace_id, next(_ids), inside.span_id, EPOCH_NS + start, scripted.now_ns - start,
                  scripted.now_ns - start))

def work():
    part("jwt", {jwt})
    part("query", 2)
    {more}
    advance(0.5)
"""

_COUNTED = """if FRESH:
    with open("runs", "a") as file: file.write("x")
RUN = len(open("runs").read()) - 1 if os.path.exists("runs") else 0
SLOW = {factors}[RUN % {number}]
"""


def perf_program(
    *,
    slow: float | Sequence[float] = 1,
    when: str = "",
    at_import: str = "",
    marks: Sequence[str] = ("perf_budget",),
    around: str = "",
    body: str = "advance(0.1 * SLOW)",
    call_name: str = "test_call",
    call: str = 'perf(advance, 0.2, name="step")',
    more: str = "",
) -> str:
    """Return a measured body, a measured call and an ordinary test.

        import os, signal, sys
        FRESH = os.environ.get("PERFBUDGET_FRESH") == "1"

        SLOW = 1

        @pytest.mark.perf_budget
        def test_body():
            advance(0.1 * SLOW)

        def test_call(perf):
            perf(advance, 0.2, name="step")

        def test_ordinary(): pass

    Args:
        slow: the factor SLOW; of several, each fresh process takes the next.
        when: the condition under which SLOW is not 1, such as "not FRESH"; always if not given.
        at_import: statements that run when the file is imported, before SLOW is known.
        marks: of test_body.
        around: the body of a fixture of test_body's.
        body: of test_body.
        call_name: the name of test_call.
        call: its body.
        more: statements at the end of the file.
    """
    fixture = f"@pytest.fixture\ndef around(monkeypatch):\n{_within(around)}" if around else ""
    test_body = f"def test_body({'around' if around else ''}):\n{_within(body)}"
    parts = [
        _HEADER,
        at_import,
        _slowness(slow, when),
        fixture,
        "".join(f"@pytest.mark.{mark}\n" for mark in marks) + test_body,
        f"def {call_name}(perf):\n{_within(call)}",
        "def test_ordinary(): pass",
        more,
    ]
    return _joined(parts)


def shop(ms: float = 1, *, work: str = "", at_import: str = "", more: str = "") -> str:
    """Return the module that the tests of a repository measure.

        import os, signal, sys
        FRESH = os.environ.get("PERFBUDGET_FRESH") == "1"

        from scripted import advance

        def work():
            advance(1)

    Args:
        ms: how long work takes.
        work: its body, if that is to be another.
        at_import: statements that run when the module is imported.
        more: statements at the end of the module.
    """
    body = work or f"advance({ms})"
    return _joined([_HEADER, "from scripted import advance", at_import, f"def work():\n{_within(body)}", more])


def tracked_shop(jwt: float = 1, *, more: str = "") -> str:
    """Return the module `shop` whose work has spans on the scripted clock: `jwt`, and `query` of 2 ms.

    Args:
        jwt: the time of `jwt`, in ms.
        more: a further statement of the work.
    """
    return _TRACKED.replace("{jwt}", str(jwt)).replace("{more}", more)


def shop_tests(
    *,
    first: str = "",
    marks: Sequence[str] = ("perf_budget",),
    body: str = "shop.work()",
    call: str = 'perf(shop.work, name="step")',
    with_timer: bool = True,
    more: str = "",
) -> str:
    """Return the tests of `shop`: of a body, of a call and of a timer.

        import os, signal, sys
        FRESH = os.environ.get("PERFBUDGET_FRESH") == "1"
        import shop

        @pytest.mark.perf_budget
        def test_body():
            shop.work()

        def test_call(perf):
            perf(shop.work, name="step")

        def test_timer(perf):
            for _ in range(60):
                with perf.timer("loop"):
                    shop.work()

    Args:
        first: what stands before these tests.
        marks: of test_body.
        body: of test_body.
        call: of test_call.
        with_timer: whether there is a test_timer.
        more: what stands behind these tests.
    """
    timer = 'def test_timer(perf):\n    for _ in range(60):\n        with perf.timer("loop"):\n            shop.work()'
    parts = [
        _HEADER + "import shop",
        first,
        "".join(f"@pytest.mark.{mark}\n" for mark in marks) + f"def test_body():\n{_within(body)}",
        f"def test_call(perf):\n{_within(call)}",
        timer if with_timer else "",
        more,
    ]
    return _joined(parts)


def _slowness(slow: float | Sequence[float], when: str) -> str:
    if isinstance(slow, Sequence):
        return _COUNTED.format(factors=list(slow), number=len(slow))
    return f"SLOW = {slow} if {when} else 1" if when else f"SLOW = {slow}"


def _within(body: str) -> str:
    return indent(body, "    ")


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
