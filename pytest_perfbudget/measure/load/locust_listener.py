"""The listener that locust loads beside the user's locustfile: it writes each request to a file.

This module is executed by locust only, in a process of its own. Locust keeps rounded times, without their order.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from locust import User, events  # type: ignore[import-not-found,unused-ignore]

from pytest_perfbudget.measure.load.missing_answers import has_no_answer

_file = Path(os.environ["PERFBUDGET_LOCUST"], f"{os.getpid()}.requests").open("a", encoding="utf-8")  # noqa: SIM115


@events.request.add_listener  # type: ignore[untyped-decorator,unused-ignore]
def on_request(response_time: float, start_time: float, exception: object = None, **_: Any) -> None:  # noqa: ANN401
    """Write a request: its start in s since the epoch, its time in ms, and its error if there is one."""
    error = None if exception is None else _described(exception, response_time)
    _file.write(json.dumps([start_time, response_time, error]) + "\n")


@events.user_error.add_listener  # type: ignore[untyped-decorator,unused-ignore]
def on_user_error(exception: object, **_: Any) -> None:  # noqa: ANN401
    """Write an error of a user's own code, such as a failed assertion in a task, which locust only logs."""
    if vars(exception).setdefault("perfbudget_writes", 0):
        return  # locust has told of it, and raises it in the user as well
    vars(exception)["perfbudget_writes"] = 1
    _file.write(json.dumps([time.time(), 0, _described(exception, 0)]) + "\n")


def _described(error: object, time_ms: float) -> tuple[str, str, bool]:
    """Return the kind of an error, its message, and whether the error says that no answer came."""
    no_answer = isinstance(error, BaseException) and has_no_answer(error, round(time_ms * 1e6))
    return type(error).__name__, str(error)[:500], no_answer


_run = User.run


def _run_watched(user: Any) -> None:  # noqa: ANN401
    """Run a user; locust says nothing of an exception in `on_start` and `on_stop` but in its log."""
    try:
        _run(user)
    except Exception as error:
        on_user_error(error)
        raise


User.run = _run_watched


@events.quit.add_listener  # type: ignore[untyped-decorator,unused-ignore]
def on_quit(**_: Any) -> None:  # noqa: ANN401
    """Write what is left."""
    _file.close()
