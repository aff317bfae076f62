"""The definitions of the settings: each holds what the parser and the defaults say, and makes the guide's page."""

from __future__ import annotations

import os
from typing import Any

import pytest
from snippets import ROOT

from pytest_perfbudget.config import parse_limits, parse_settings
from pytest_perfbudget.config.monitor_settings import ALERT, MONITOR
from pytest_perfbudget.config.page import OPTIONS, configuration_page
from pytest_perfbudget.config.setting import Setting
from pytest_perfbudget.config.settings import DUET, LIMITS, MATCH, SESSION
from pytest_perfbudget.core.limits import Limits, RegressionTolerance
from pytest_perfbudget.core.settings import DuetSettings, MonitorSettings, Settings

PAGE = ROOT / "pytest_perfbudget" / "guide" / "configuration.md"


def ids(setting: Setting) -> str:
    return setting.key


def comparable(value: object) -> object:
    """Return a value without its source."""
    return value.share if isinstance(value, RegressionTolerance) else value


@pytest.mark.parametrize("setting", [one for one in SESSION if one.default is not None], ids=ids)
def test_the_default_of_a_setting_is_what_holds_without_it(setting: Setting) -> None:
    given = parse_settings({setting.key: setting.default}, "pyproject.toml")
    default = Settings()
    assert comparable(getattr(given, setting.attribute)) == comparable(getattr(default, setting.attribute))


@pytest.mark.parametrize("setting", [one for one in DUET if one.default is not None], ids=ids)
def test_the_default_of_a_duet_setting_is_what_holds_without_it(setting: Setting) -> None:
    given = parse_settings({"duet": {setting.key: setting.default}}, "pyproject.toml")
    assert given.duet == DuetSettings()


@pytest.mark.parametrize("setting", MONITOR, ids=ids)
def test_the_example_and_the_default_of_a_monitor_setting_are_valid(setting: Setting) -> None:
    given, default = (
        parse_settings({"history": "kept.db", "monitor": {setting.key: value}}, "pyproject.toml").monitor
        for value in (setting.example, setting.default)
    )
    assert given != default == MonitorSettings()


@pytest.mark.parametrize("setting", ALERT, ids=ids)
def test_the_example_and_the_default_of_an_alerts_key_are_valid(setting: Setting) -> None:
    alert = {"metric": "p99_ms", "limit": 7, "component": "storage"}
    plain, *others = (
        parse_settings({"alerts": {"slow": {**alert, **given}}}, "pyproject.toml").alerts[0]
        for given in ({}, {setting.key: setting.example}, {setting.key: setting.default} if setting.default else {})
    )
    assert [getattr(one, setting.attribute) != getattr(plain, setting.attribute) for one in others] == [True, False]


@pytest.mark.parametrize("setting", [*SESSION, *DUET, *LIMITS, MATCH], ids=ids)
def test_the_example_is_valid_and_differs_from_the_default(setting: Setting) -> None:
    if setting in SESSION:
        found: Any = parse_settings({setting.key: setting.example}, "pyproject.toml")
        default: Any = Settings()
    elif setting in DUET:
        found, default = parse_settings({"duet": {setting.key: setting.example}}, "pyproject.toml").duet, DuetSettings()
    elif setting is MATCH:
        assert parse_settings({"components": {"jwt": {setting.key: setting.example}}}, "pyproject.toml").components
        return
    else:
        found, default = parse_limits({setting.key: setting.example}, "here"), Limits()
    assert comparable(getattr(found, setting.attribute)) != comparable(getattr(default, setting.attribute))


@pytest.mark.parametrize("setting", [*SESSION, *DUET, *MONITOR, *ALERT, *LIMITS, MATCH], ids=ids)
def test_the_meaning_is_one_sentence(setting: Setting) -> None:
    assert setting.meaning.endswith(".")
    assert ". " not in setting.meaning
    assert setting.meaning[0].isupper()


def test_the_guides_page_on_configuration_is_current() -> None:
    page = configuration_page()
    if os.environ.get("PERFBUDGET_GOLDEN") == "write":
        PAGE.write_text(page, "utf-8")
    assert PAGE.read_text("utf-8") == page, "PERFBUDGET_GOLDEN=write pytest tests/test_settings.py writes it anew"


def test_the_page_names_every_option_and_key(pytestconfig: pytest.Config) -> None:
    known = {name for name in vars(pytestconfig.option) if name.startswith("perf_")}
    assert {name.partition("=")[0].lstrip("-").replace("-", "_") for name in OPTIONS} == known
    page = configuration_page()
    assert all(f"| `{setting.key}` |" in page for setting in (*SESSION, *DUET, *MONITOR, *ALERT, *LIMITS, MATCH))
