"""The receiver of spans from child processes, for the sessions that look at spans."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_perfbudget.measure.span_receiver import SpanReceiver
from pytest_perfbudget.plugin.measuring.protocols import MeasuringSession


class ChildSpans:
    """The plugin that receives spans from the first test to the last.

    A fixture of a whole session may start a server, so the environment has to name the receiver before the first test.

    Args:
        session: the session, whose measurements take the spans.
    """

    def __init__(self, session: MeasuringSession) -> None:
        self._session = session

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Receive spans while tests run.

        Raises:
            UsageError: the system has no port for the receiver.
        """
        try:
            receiver = SpanReceiver()
        except OSError as error:
            why = error.strerror or str(error)
            message = (
                f"spans of child processes need a port on 127.0.0.1, and the system gives none: {why}; "
                "allow one, or leave out limits on spans and --perf-spans"
            )
            raise pytest.UsageError(message) from None
        with receiver.running():
            self._session.receiver = receiver
            try:
                return (yield)
            finally:
                self._session.receiver = None
