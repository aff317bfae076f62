"""Options of pytest and other plugins that a fresh process switches off."""

from __future__ import annotations

import os
from typing import Final

import pytest

QUIET_OPTIONS: Final[dict[str, object]] = {
    "xmlpath": None,  # JUnit
    "log_file": os.devnull,
    "pastebin": None,
    "allure_report_dir": None,
    "htmlpath": None,  # pytest-html
    "json_report": False,
    "report_log": None,
    "perf_output": [],
    "perf_update_baseline": False,
    "perf_against": None,
    "benchmark_disable": False,
    "benchmark_skip": False,
    "benchmark_json": None,
    "benchmark_save": None,
    "benchmark_autosave": False,
    "benchmark_compare": None,
    "benchmark_compare_fail": [],
    "lf": False,
    "failedfirst": False,
    "newfirst": False,
    "stepwise": False,
    "stepwise_skip": False,
    "reruns": 0,
    "maxfail": 0,
    "runxfail": True,  # xfail(strict=True) would fail a test that passes, and the session knows that it passes
    "continue_on_collection_errors": True,
    "usepdb": False,
    "trace": False,
    "collectonly": False,
    "setuponly": False,
    "setupplan": False,
}
"""The values for options of pytest and of well-known plugins that write files, choose tests or wait for a person.
An option is set only if its plugin is installed."""


def switch_off(config: pytest.Config, scratch: str) -> None:
    """Switch these options off, and let temporary folders of tests lie in a folder of the process."""
    for name, value in QUIET_OPTIONS.items():
        if hasattr(config.option, name):
            setattr(config.option, name, value)
    config.option.basetemp = f"{scratch}/t"
