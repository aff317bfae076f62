"""Second reports of tests whose comparison ended after the last test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.plugin.keys import CHILD, LATE_OUTPUT


def report_after_the_end(item: pytest.Item, failure: BaseException) -> pytest.TestReport:
    """Return a report of a test that has ended, and fails now.

    Hooks of other plugins, such as pytest-benchmark's, look at the fixtures of the test, which pytest has let go by
    then: the test gets its request again, as before a second run. A hook that fails nevertheless is left out.
    """

    def fail() -> None:
        raise failure

    call = pytest.CallInfo.from_call(fail, when="call")
    has_ended = hasattr(item, "_initrequest") and getattr(item, "funcargs", None) is None
    if has_ended:
        getattr(item, "_initrequest")()  # noqa: B009 - Item does not declare the method
    try:
        report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    except Exception:  # noqa: BLE001 - the failure of the test counts, whatever another plugin does
        return pytest.TestReport.from_item_and_call(item, call)
    finally:
        if has_ended:
            vars(item).update(_request=False, funcargs=None)  # as pytest leaves a test
    return report


def log_late(
    config: pytest.Config, late: Mapping[str, Sequence[Measurement]], reports: Sequence[pytest.TestReport]
) -> None:
    """Show second reports of tests; an xdist worker can send reports of the current test only, so it hands them on.

    Args:
        config: the configuration of this process.
        late: the measurements that were compared late, by node id; a worker hands on those that fail nothing, too.
        reports: the reports of the tests that fail.
    """
    hook = config.hook
    if hasattr(config, "workeroutput") and not config.pluginmanager.hasplugin(CHILD):
        config.workeroutput[LATE_OUTPUT] = {
            "measurements": {test: [one.to_dict() for one in found] for test, found in late.items()},
            "reports": [hook.pytest_report_to_serializable(config=config, report=one) for one in reports],
        }
        return
    terminal = config.pluginmanager.getplugin("terminalreporter")
    if reports and terminal is not None:
        terminal.ensure_newline()  # the last line of the progress is full
    for report in reports:
        hook.pytest_runtest_logstart(nodeid=report.nodeid, location=report.location)
        hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)
