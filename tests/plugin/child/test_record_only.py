"""The counts that a fresh process takes: all with a profile, all, calls with a profile, or none."""

from __future__ import annotations

import pytest

from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.metrics import CALLS, PEAK
from pytest_perfbudget.core.precedence import resolve
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.plugin.child.record_only import RecordOnly


@pytest.mark.parametrize(
    ("counting", "names"),
    [
        (Counting.ALL, {CALLS.name, PEAK.name}),
        (Counting.UNPROFILED, {CALLS.name, PEAK.name}),
        (Counting.CALLS, {CALLS.name}),
        (Counting.NONE, set()),
    ],
)
@pytest.mark.parametrize("is_sent", [False, True], ids=["here", "by the protocol"])
def test_the_request_has_the_counts_that_were_asked_for(counting: Counting, names: set[str], *, is_sent: bool) -> None:
    """The protocol between processes has builtins only."""
    asked = RecordOnly(counting=counting.value if is_sent else counting)  # type: ignore[arg-type]
    request = asked.request("a.py::t", "", resolve(Settings(), "a.py::t", (), name=""))
    assert set(request.counts) == names
    assert request.is_profiled == (counting is not Counting.UNPROFILED)
