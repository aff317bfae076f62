"""The options that the command line itself has, as opposed to those of `addopts` and those that a conftest.py sets."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from pytest_perfbudget.core.gate_options import GATE_OPTIONS, RUN_NOTHING, GateOptions
from pytest_perfbudget.plugin.keys import ARGUMENTS_INPUT
from pytest_perfbudget.plugin.start_state import start_of


def check_typed(config: pytest.Config) -> None:
    """Refuse another commit or another policy than the command line has: a conftest.py would choose its own judge.

    Raises:
        UsageError: a conftest.py or a plugin has changed such an option.
    """
    for name in ("--perf-against", "--perf-policy"):
        value = getattr(config.option, name[2:].replace("-", "_"))
        if (typed := _typed_value(config, name)) not in (None, value):
            changed = "removes that" if value is None else f"makes it {value!r}"
            message = f"{name}={typed} is on the command line, and a conftest.py or a plugin {changed}: let it be"
            raise pytest.UsageError(message)


def deselecting_settings(config: pytest.Config) -> str:
    """Return pytest's options that deselect tests and come from `addopts`, not from the command line."""
    option = config.option
    values = {"-m": option.markexpr, "-k": option.keyword, "--deselect": option.deselect}
    return ", ".join(name for name, value in values.items() if value and not _is_typed(config, name))


def names_tests(config: pytest.Config) -> bool:
    """Return whether the command line itself names single tests, or asks for those that failed before."""
    given = _typed_words(config)
    if any(_is_typed(config, one) for one in ("--lf", "--last-failed", "--sw", "--stepwise")):
        return True
    options = [one.startswith("-") for one in given]
    after_deselect = [False, *(one == "--deselect" for one in given)]
    return any(
        "::" in one and not (is_option or after)
        for one, is_option, after in zip(given, options, after_deselect, strict=False)
    )


def _typed_words(config: pytest.Config) -> list[str]:
    """Return the command line; a worker of pytest-xdist has the controller's."""
    words: Any = getattr(config, "workerinput", {}).get(ARGUMENTS_INPUT, config.invocation_params.args)
    return [str(one) for one in words]


def _is_typed(config: pytest.Config, name: str) -> bool:
    """Return whether the command line has an option, which a short one may share with others: `-qk name`."""
    given = _typed_words(config)
    if name.startswith("--"):
        return any(one.partition("=")[0] == name for one in given)
    return any(re.match(rf"-[qvxsl]*{name[1]}", one) for one in given)


def _typed_value(config: pytest.Config, name: str) -> str | None:
    """Return the last value that the command line gives to a long option; None if there is none."""
    given = _typed_words(config)
    found = None
    for at, one in enumerate(given):
        if one.startswith(f"{name}="):
            found = one.partition("=")[2]
        elif one == name and given[at + 1 :]:
            found = given[at + 1]
    return found


def is_given(config: pytest.Config, *names: str) -> bool:
    """Return whether the command line or PYTEST_ADDOPTS, which the user's environment has, gives one of some options.

    Args:
        config: the configuration of the session.
        names: the names of the options; a short one may have its value behind it: `-cFILE`.
    """
    words = _typed_words(config)
    words += shlex.split(start_of(config).environment.get("PYTEST_ADDOPTS", ""))
    short = tuple(one for one in names if not one.startswith("--"))
    return any(one.partition("=")[0] in names or (bool(short) and one.startswith(short)) for one in words)


def gate_options(config: pytest.Config) -> tuple[GateOptions, list[str]]:
    """Return the options that can weaken the gate, and the names of those that the user has given."""
    option = config.option
    runs_nothing = {
        "--collect-only": option.collectonly,
        "--setup-only": option.setuponly,
        "--setup-plan": option.setupplan,
    }
    found = GateOptions(
        option.perf_gate,
        strict=option.perf_strict,
        require=option.perf_require or "",
        max_time=option.perf_max_time or "",
        history=option.perf_history or "",
        run_nothing=[one for one, is_on in runs_nothing.items() if is_on],
    )
    return found, [one for one in GATE_OPTIONS if is_given(config, one, *RUN_NOTHING.get(one, ()))]
