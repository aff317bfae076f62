from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.config import load_settings, parse_limits, parse_settings
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.plugin.keys import BASELINE


def refused(table: Any) -> str:
    with pytest.raises(ConfigError) as error:
        parse_settings(table, "pyproject.toml")
    return str(error.value)


def test_without_a_file_or_a_table_the_defaults_hold(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    assert load_settings(file) == Settings()
    file.write_text("[tool.other]\n", "utf-8")
    assert load_settings(file) == Settings()


def test_the_settings_of_the_table(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(
        '[tool.perfbudget]\nalpha = 0.001\nconfidence = 0.9\nmax_time = "250ms"\nstrict = true\nwarn_at = 0.5\n',
        "utf-8",
    )
    settings = load_settings(file)
    assert (settings.alpha, settings.confidence, settings.max_time_ns) == (0.001, 0.9, 250_000_000)
    assert (settings.strict, settings.warn_at) == (True, 0.5)
    assert settings.errors == pytest.approx((0.001, 0.1))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"duet": {"mod": "sequential"}},
            "pyproject.toml [tool.perfbudget.duet]: unknown key 'mod' (did you mean 'mode'?)",
        ),
        (
            {"duet": {"changed_tests": "no"}},
            "pyproject.toml [tool.perfbudget.duet]: changed_tests must be 'gate' or 'skip', found 'no'",
        ),
        ({"pin": 0}, "pyproject.toml [tool.perfbudget]: pin must be true or false, found 0"),
        (
            {"max_tme": "1s"},
            "pyproject.toml [tool.perfbudget]: unknown keyword 'max_tme' (did you mean 'max_time'?)",
        ),
        (
            {"budgets": {"a.py": {"p95_m": 1}}},
            "pyproject.toml [tool.perfbudget.budgets] \"a.py\": 'p95_m' has no such unit 'm': use one of ns, us, ms, s",
        ),
        (
            {"budgets": {"a.py": 50}},
            'pyproject.toml [tool.perfbudget.budgets] "a.py": must be a table, such as { p95_ms = 50 }, found 50',
        ),
        (
            {"components": {"jwt": {"matc": []}}},
            "pyproject.toml [tool.perfbudget.components.\"jwt\"]: unknown keyword 'matc' (did you mean 'match'?)",
        ),
        (
            {"components": {"jwt": {"match": [1]}}},
            'pyproject.toml [tool.perfbudget.components."jwt"]: match must be a list of patterns such as '
            "'tests/test_jwt.py::*', found [1]",
        ),
        (
            {"components": {"jwt": {"component": "x"}}},
            'pyproject.toml [tool.perfbudget.components."jwt"]: component is the table\'s own name here: '
            "remove the key",
        ),
        (
            {"max_time": 1},
            "pyproject.toml [tool.perfbudget]: max_time: expected a duration above zero in s, ms, us or ns, "
            "such as '1s' or '250ms', found 1",
        ),
        ({"alpha": 1.5}, "pyproject.toml [tool.perfbudget]: alpha must be a number between 0 and 1, found 1.5"),
        ({"warn_at": True}, "pyproject.toml [tool.perfbudget]: warn_at must be a number between 0 and 1, found True"),
        ({"strict": "yes"}, "pyproject.toml [tool.perfbudget]: strict must be true or false, found 'yes'"),
        ({"p95_ms": -1}, "pyproject.toml [tool.perfbudget]: p95_ms must be a number above zero, found -1"),
        ([], "pyproject.toml [tool.perfbudget]: must be a table, such as { p95_ms = 50 }, found []"),
    ],
)
def test_a_mistake_is_one_line_with_place_and_remedy(table: Any, message: str) -> None:
    assert refused(table) == message


def test_broken_toml_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.perfbudget\n", "utf-8")
    with pytest.raises(ConfigError, match=r"^pyproject.toml: is no valid TOML: "):
        load_settings(file)


@pytest.mark.parametrize("component", ["", 1, None, ["a"]])
def test_a_component_is_a_name(component: object) -> None:
    if component is None:
        assert parse_limits({"component": None}, "here").component is None
        return
    with pytest.raises(ConfigError, match=r"^here: component must be a name such as 'security.jwt'"):
        parse_limits({"component": component}, "here")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TABLES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=3)
)


@given(
    st.dictionaries(
        st.sampled_from(["alpha", "max_time", "strict", "budgets", "components", "spans", "p95_ms", "peak_mb", "x"]),
        TABLES,
    )
)
def test_whatever_a_table_holds_it_is_read_or_refused_with_its_place(table: dict[str, Any]) -> None:
    try:
        assert isinstance(parse_settings(table, "pyproject.toml"), Settings)
    except ConfigError as error:
        assert str(error).startswith("pyproject.toml ")  # noqa: PT017 - both ways are right


def test_the_hooks_know_the_baseline_by_its_default_name() -> None:
    """They may import nothing, so the name stands there a second time."""
    assert Settings().baseline == BASELINE


def test_the_former_word_for_the_sequential_mode_is_read_with_a_note() -> None:
    settings = parse_settings({"duet": {"mode": "turns"}}, "pyproject.toml")
    assert settings.duet.mode == "sequential"
    assert settings.notes == (
        "pyproject.toml [tool.perfbudget.duet]: mode = 'turns' is called 'sequential' now: write that",
    )
    assert parse_settings({"duet": {"mode": "sequential"}}, "pyproject.toml").notes == ()
