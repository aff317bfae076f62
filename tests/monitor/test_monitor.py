"""The monitor: names and components, verdicts, health, alerts, spans, threads and forks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_perfbudget.core.alerts import AlertEvent
from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.monitor import Monitor
from pytest_perfbudget.monitor.components import MOST_COMPONENTS, OTHER, Components
from pytest_perfbudget.tracing import track

Make = Callable[..., Monitor]
GATEWAY = {"components": {"gateway": {"p95_ms": 50}}}
ALERT = {"metric": "p95_ms", "component": "gateway", "window": "1m", "limit": 100, "for": "30s"}


def load(monitor: Monitor, component: str, duration_s: float, number: int = 100, errors: int = 0) -> None:
    for at in range(number):
        monitor.observe(component, duration_s, "KeyError: 'x'" if at < errors else None)


def component(monitor: Monitor, name: str = "gateway") -> Any:
    return monitor.summary()["components"][name]


class TestNames:
    """The component that a name belongs to."""

    @pytest.mark.parametrize(
        ("name", "owner"),
        [
            ("security", "security"),
            ("security.jwt", "security.jwt"),
            ("security.jwt.verify", "security.jwt"),
            ("security.rbac", "security"),
            ("security2", "security2"),
            ("db.query", "db.query"),
        ],
    )
    def test_the_longest_configured_beginning_wins(self, name: str, owner: str) -> None:
        assert Components(["security", "security.jwt"], lambda: 0).component_of(name) == owner

    def test_the_number_of_components_is_bounded(self, make_monitor: Make) -> None:
        monitor = make_monitor()
        for number in range(MOST_COMPONENTS + 50):
            monitor.observe(f"name{number}", 0.001)
        found = monitor.summary()["components"]
        assert len(found) == MOST_COMPONENTS + 1
        assert found[OTHER]["requests_total"] == 50

    @pytest.mark.parametrize("table", [GATEWAY, {"alerts": {"slow": ALERT}}])
    def test_a_component_of_a_table_or_an_alert_is_kept_after_any_number_of_others(
        self, make_monitor: Make, table: dict[str, Any]
    ) -> None:
        monitor = make_monitor(table)
        for number in range(MOST_COMPONENTS + 50):
            monitor.observe(f"name{number}", 0.001)
        load(monitor, "gateway", 0.2)
        found = monitor.summary()["components"]
        assert found["gateway"]["requests_total"] == 100
        assert found[OTHER]["requests_total"] == 50


class TestSummary:
    """The numbers and verdicts of a summary."""

    def test_a_window_has_rate_percentiles_and_errors(self, make_monitor: Make, wall: Any) -> None:
        monitor = make_monitor(GATEWAY)
        load(monitor, "gateway", 0.010, 90)
        load(monitor, "gateway", 0.040, 10, errors=5)
        wall.advance(10)
        numbers = component(monitor)["windows"]["1m"]
        assert (numbers["count"], numbers["errors"], numbers["error_rate"]) == (100, 5, 0.05)
        assert (numbers["per_second"], numbers["per_minute"]) == (10, 600)
        assert numbers["p50_ms"] == pytest.approx(10, rel=0.02)
        assert numbers["p95_ms"] == pytest.approx(40, rel=0.02)
        assert numbers["mean_ms"] == pytest.approx(13)
        assert numbers["max_ms"] == 40

    @pytest.mark.parametrize(("duration_s", "verdict", "score"), [(0.01, "within", 100), (0.2, "exceeded", 20)])
    def test_budgets_of_the_tests_hold_for_the_service(
        self, make_monitor: Make, duration_s: float, verdict: str, score: int
    ) -> None:
        monitor = make_monitor(GATEWAY)
        load(monitor, "gateway.call", duration_s)
        (budget,) = component(monitor)["budgets"]
        assert budget["verdict"] == verdict
        assert monitor.summary()["health_score"] == pytest.approx(score, abs=1)

    def test_budgets_of_the_table_hold_for_every_component(self, make_monitor: Make) -> None:
        monitor = make_monitor({"p95_ms": 50, "components": {"gateway": {"p95_ms": 500}}})
        load(monitor, "gateway", 0.2)
        load(monitor, "storage", 0.2)
        assert component(monitor, "gateway")["budgets"][0]["verdict"] == "within"
        assert component(monitor, "storage")["budgets"][0]["verdict"] == "exceeded"

    def test_budgets_that_only_tests_judge_are_named(self, make_monitor: Make) -> None:
        monitor = make_monitor({"peak_mb": 5, "components": {"gateway": {"p95_ms": 50, "max_calls": 9}}})
        monitor.observe("gateway", 0.01)
        assert component(monitor)["unmonitored"] == ["max_calls", "peak_mb"]

    def test_errors_lower_the_health(self, make_monitor: Make) -> None:
        monitor = make_monitor()
        load(monitor, "gateway", 0.01, 100, errors=10)
        assert monitor.summary()["health_score"] == 50

    def test_the_apdex_counts_half_of_what_is_tolerated(self, make_monitor: Make) -> None:
        monitor = make_monitor(GATEWAY)
        load(monitor, "gateway", 0.01, 50)
        load(monitor, "gateway", 0.1, 30)
        load(monitor, "gateway", 0.3, 20)
        assert component(monitor)["apdex"] == pytest.approx(0.65)

    @pytest.mark.parametrize(("errors", "apdex"), [(0, 1.0), (30, 0.7), (100, 0.0)])
    def test_errors_are_frustrated_whatever_their_time(self, make_monitor: Make, errors: int, apdex: float) -> None:
        monitor = make_monitor(GATEWAY)
        load(monitor, "gateway", 0.001, 100, errors=errors)
        assert component(monitor)["apdex"] == pytest.approx(apdex)

    def test_a_slow_error_is_frustrated_once(self, make_monitor: Make) -> None:
        monitor = make_monitor(GATEWAY)
        load(monitor, "gateway", 0.001, 90)
        load(monitor, "gateway", 9, 10, errors=10)
        assert component(monitor)["apdex"] == pytest.approx(0.9)

    def test_old_requests_of_a_name_without_a_table_are_not_judged(self, make_monitor: Make, wall: Any) -> None:
        monitor = make_monitor(GATEWAY)
        load(monitor, "storage", 0.2)
        wall.advance(400)
        summary = monitor.summary()
        assert summary["health_score"] is None
        assert summary["components"]["storage"]["windows"]["1h"]["count"] == 100

    @pytest.mark.parametrize(("table", "days", "score"), [
        (GATEWAY, 0.01, 20),
        (GATEWAY, 30, 20),
        ({"p95_ms": 50}, 0.9, 20),
        ({"p95_ms": 50}, 1.1, None),
    ])  # fmt: skip
    def test_a_component_that_dies_keeps_its_score(
        self, make_monitor: Make, wall: Any, table: dict[str, Any], days: float, score: int | None
    ) -> None:
        monitor = make_monitor(table)
        load(monitor, "gateway", 0.2)
        wall.advance(days * 86_400)
        assert component(monitor)["health_score"] == score
        assert component(monitor)["silent_s"] == pytest.approx(days * 86_400, abs=5)
        assert component(monitor)["windows"]["5m"]["count"] == 0

    @settings(max_examples=15, deadline=None)
    @given(
        st.lists(st.tuples(st.integers(1, 900), st.booleans()), min_size=1, max_size=30),
        st.lists(st.tuples(st.integers(1, 900), st.booleans()), min_size=1, max_size=30),
        st.integers(1, 5000),
    )
    def test_a_death_never_raises_the_score_of_the_service(
        self, dying: list[tuple[int, bool]], living: list[tuple[int, bool]], after_s: int
    ) -> None:
        now_ns = [10**18]
        settings = _settings(p95_ms=500, mean_ms=300, max_error_rate=0.05)
        with Monitor(settings, in_background=False, takes_spans=False, clock=lambda: now_ns[0]) as monitor:

            def observe(name: str, requests: list[tuple[int, bool]]) -> None:
                for duration_ms, is_error in requests:
                    monitor.observe(name, duration_ms / 1000, "error" if is_error else None)

            observe("storage", dying)
            observe("gateway", living)
            before = monitor.summary()["health_score"]
            now_ns[0] += after_s * 10**9
            monitor.check()
            now_ns[0] += 3000 * 10**9
            observe("gateway", living)
            assert monitor.summary()["health_score"] == before

    def test_errors_have_a_cause(self, make_monitor: Make) -> None:
        monitor = make_monitor(GATEWAY)
        try:
            int("no number")
        except ValueError as error:
            monitor.observe("gateway", 0.01, error)
        (entry,) = monitor.summary()["errors"]
        assert (entry["kind"], entry["component"], entry["count"]) == ("ValueError", "gateway", 1)
        assert "test_monitor.py:" in entry["place"]

    @settings(max_examples=25, deadline=None)
    @given(
        st.lists(st.tuples(st.integers(0, 3000), st.booleans()), min_size=1, max_size=80),
        st.integers(0, 79),
        st.integers(0, 3000),
    )
    def test_a_slower_or_failed_request_never_raises_the_score(
        self, requests: list[tuple[int, bool]], chosen: int, more_ms: int
    ) -> None:
        at = chosen % len(requests)
        worse = [*requests]
        worse[at] = (requests[at][0] + more_ms, True)
        scores = []
        for found in (requests, worse):
            settings = _settings(p95_ms=500, mean_ms=300, max_error_rate=0.05)
            with Monitor(settings, in_background=False, takes_spans=False, clock=lambda: 10**18) as monitor:
                for duration_ms, is_error in found:
                    monitor.observe("gateway", duration_ms / 1000, "error" if is_error else None)
                scores.append(monitor.summary()["health_score"])
        assert scores[1] <= scores[0]


def _settings(**limits: float) -> Any:
    from pytest_perfbudget.config import parse_settings

    return parse_settings(limits, "pyproject.toml")


class TestAlerts:
    """Alerts on the numbers of a service."""

    def watched(self, monitor: Monitor) -> list[AlertEvent]:
        found: list[AlertEvent] = []
        monitor.on_alert(found.append)
        return found

    def test_an_alert_fires_and_clears_once(self, make_monitor: Make, wall: Any) -> None:
        monitor = make_monitor({"alerts": {"slow": ALERT}})
        events = self.watched(monitor)
        for duration_s in [0.2] * 20 + [0.01] * 40:
            load(monitor, "gateway", duration_s, 20)
            monitor.check()
            wall.advance(5)
        assert [event.state.value for event in events] == ["firing", "clear"]
        assert events[0].value == pytest.approx(200, rel=0.02)

    def test_fast_requests_fire_nothing(self, make_monitor: Make, wall: Any) -> None:
        monitor = make_monitor({"alerts": {"slow": ALERT}})
        events = self.watched(monitor)
        for _ in range(40):
            load(monitor, "gateway", 0.01, 20)
            monitor.check()
            wall.advance(5)
        assert events == []

    @pytest.mark.parametrize(
        ("alert", "expected"),
        [
            ({"metric": "error_rate", "component": "gateway", "limit": 0.05}, 0.1),
            ({"metric": "errors", "component": "gateway", "limit": 5}, 10),
            ({"metric": "rps", "component": "gateway", "limit": 50}, 10),
            ({"metric": "min_rps", "component": "gateway", "limit": 50}, 10),
            ({"metric": "mean_us", "component": "gateway", "limit": 100}, 200_000),
            ({"metric": "p99_s", "component": "gateway", "limit": 0.1}, 0.2),
            ({"metric": "health_score", "limit": 60}, 20),
            ({"metric": "apdex", "component": "gateway", "limit": 0.9}, 0.45),
        ],
    )
    def test_each_number_can_be_watched(
        self, make_monitor: Make, wall: Any, alert: dict[str, Any], expected: float
    ) -> None:
        monitor = make_monitor({**GATEWAY, "alerts": {"it": alert}})
        events = self.watched(monitor)
        load(monitor, "gateway", 0.2, 100, errors=10)
        wall.advance(10)
        monitor.check()
        assert [event.rule.name for event in events] == ["it"]
        assert events[0].value == pytest.approx(expected, rel=0.02)
        assert monitor.summary()["alerts"][0]["state"] == "firing"

    @pytest.mark.parametrize(("metric", "events"), [("rps", [0.0]), ("p95_ms", [])])
    def test_a_component_that_never_had_a_request_has_a_rate_of_zero(
        self, make_monitor: Make, wall: Any, metric: str, events: list[float]
    ) -> None:
        alert = {"metric": metric, "component": "gateway", "window": "1m", "limit": 1}
        monitor = make_monitor({"alerts": {"it": alert}})
        found = self.watched(monitor)
        wall.advance(59)
        monitor.check()
        assert found == []  # a service that has just started
        wall.advance(1)
        monitor.check()
        assert [event.value for event in found] == events

    @pytest.mark.parametrize(
        ("name", "hint"),
        [("gatewy", [" (did you mean 'gateway'?)"]), ("storage", [""]), ("gateway", []), ("other", [])],
    )
    def test_an_alert_on_a_component_without_a_table_is_a_note(
        self, make_monitor: Make, name: str, hint: list[str]
    ) -> None:
        monitor = make_monitor({**GATEWAY, "alerts": {"slow": {**ALERT, "component": name}}})
        place = 'pyproject.toml [tool.perfbudget.alerts."slow"]'
        assert monitor.summary()["notes"] == [
            f"{place}: no table in [tool.perfbudget.components] names {name!r}{one}" for one in hint
        ]

    def test_alerts_need_no_tables(self, make_monitor: Make) -> None:
        assert make_monitor({"alerts": {"slow": ALERT}}).summary()["notes"] == []

    def test_a_callback_that_fails_does_not_stop_the_others(
        self, make_monitor: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        monitor = make_monitor({"alerts": {"any": {"metric": "errors", "component": "gateway", "limit": 0}}})

        @monitor.on_alert
        def fail(_: AlertEvent) -> None:
            raise OSError

        events = self.watched(monitor)
        monitor.observe("gateway", 0.1, "KeyError: 'x'")
        monitor.check()
        assert len(events) == 1
        assert "the callback of alert any failed" in caplog.text


class TestSpans:
    """Spans of `track`."""

    def test_spans_are_requests_of_their_component(self, make_monitor: Make) -> None:
        monitor = make_monitor(GATEWAY, takes_spans=True)
        with track("gateway.call"), track("storage"):
            pass
        assert component(monitor, "gateway")["requests_total"] == component(monitor, "storage")["requests_total"] == 1

    def test_the_error_of_a_span_has_its_place_and_its_parent(self, make_monitor: Make) -> None:
        monitor = make_monitor(takes_spans=True)
        with pytest.raises(KeyError), track("gateway"), track("storage.query"):
            raise KeyError("agent")  # noqa: EM101
        query, _ = sorted(monitor.summary()["errors"], key=lambda one: one["component"], reverse=True)
        assert (query["kind"], query["message"], query["parent"]) == ("KeyError", "'agent'", "gateway")
        assert "test_monitor.py:" in query["place"]

    def test_a_closed_monitor_takes_none(self, make_monitor: Make) -> None:
        monitor = make_monitor(takes_spans=True)
        monitor.close()
        with track("gateway"):
            pass
        assert monitor.summary()["components"] == {}


class TestThreads:
    """Requests from several threads, and the thread in the background."""

    def test_no_request_is_lost(self, make_monitor: Make) -> None:
        monitor = make_monitor()
        threads = [threading.Thread(target=load, args=(monitor, "gateway", 0.001, 2000)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert component(monitor)["requests_total"] == 8000

    def test_the_background_checks_from_the_first_request_on(
        self, make_monitor: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pytest_perfbudget.monitor.service_check.CHECK_EVERY_S", 0.001)
        table = {"alerts": {"any": {"metric": "errors", "component": "gateway", "limit": 0}}}
        monitor = make_monitor(table, in_background=True)
        fired = threading.Event()
        monitor.on_alert(lambda _: fired.set())
        monitor.observe("gateway", 0.1, "KeyError: 'x'")
        assert fired.wait(20)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
    def test_a_forked_process_begins_with_its_own_numbers(self, tmp_path: Path) -> None:
        program = """
import os, sys
from pytest_perfbudget.monitor import Monitor
monitor = Monitor(in_background=False)
monitor.observe("before", 0.1)
pid = os.fork()
if pid == 0:
    monitor.observe("child", 0.1)
    os._exit(0 if list(monitor.summary()["components"]) == ["child"] else 1)
assert list(monitor.summary()["components"]) == ["before"]
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
        assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False).returncode == 0


class TestWrongArguments:
    """Observations and callbacks that are mistakes of a program."""

    @pytest.mark.parametrize(
        "arguments",
        [
            ("gateway", "1"), ("gateway", float("nan")), ("gateway", float("inf")), ("gateway", -1), ("gateway", None),
            ("gateway", 0.1, 500), ("", 0.1), (None, 0.1), (5, 0.1), (["gateway"], 0.1),
        ],
    )  # fmt: skip
    def test_such_an_observation_is_ignored_and_the_first_is_logged(
        self, make_monitor: Make, caplog: pytest.LogCaptureFixture, arguments: tuple[Any, ...]
    ) -> None:
        monitor = make_monitor()
        monitor.observe(*arguments)
        monitor.observe(*arguments)
        assert [one["requests_total"] for one in monitor.summary()["components"].values()] in ([], [0])
        (record,) = caplog.records
        assert "is ignored, and so are further such calls: use a name, a duration from 0 s up" in record.getMessage()

    @pytest.mark.parametrize("arguments", [("gateway", 1), ("gateway", 0), ("gateway", 0.1, ""), ("gateway", True)])
    def test_unusual_observations_are_counted(
        self, make_monitor: Make, caplog: pytest.LogCaptureFixture, arguments: tuple[Any, ...]
    ) -> None:
        monitor = make_monitor()
        monitor.observe(*arguments)
        assert component(monitor)["requests_total"] == 1
        assert not caplog.records

    def test_an_exception_without_words_is_counted(self, make_monitor: Make) -> None:
        class BrokenError(Exception):
            def __str__(self) -> str:
                raise OSError

        monitor = make_monitor()
        monitor.observe("gateway", 0.1, BrokenError())
        assert monitor.summary()["errors"][0]["message"] == "(its text cannot be read)"

    def test_a_callback_that_is_no_function_is_refused(self, make_monitor: Make) -> None:
        with pytest.raises(TypeError, match=r"^on_alert: the callback must be a function of an AlertEvent, found 5$"):
            make_monitor().on_alert(5)  # type: ignore[arg-type]


class TestClock:
    """The clock of a monitor."""

    @pytest.mark.parametrize("step_s", [-3600, 3600])
    def test_a_machine_whose_clock_is_set_changes_nothing(
        self, make_monitor: Make, monkeypatch: pytest.MonkeyPatch, step_s: int
    ) -> None:
        table = {"alerts": {"any": {"metric": "errors", "component": "gateway", "limit": 0}}}
        monitor = make_monitor(table, clock=None)
        load(monitor, "gateway", 0.01, 10, errors=1)
        assert monitor.summary()["alerts"][0]["state"] == "firing"
        real_ns = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real_ns() + step_s * 10**9)
        load(monitor, "gateway", 0.01, 10)
        summary = monitor.summary()
        assert summary["components"]["gateway"]["windows"]["1m"]["count"] == 20
        assert summary["alerts"][0]["state"] == "firing"

    def test_it_shows_the_time_since_1970(self, make_monitor: Make) -> None:
        before_ns = time.time_ns()
        at_ns = make_monitor(clock=None).summary()["at_ns"]
        assert before_ns - 10**8 <= at_ns <= time.time_ns() + 10**8


class TestSettings:
    """The settings of a monitor."""

    def test_a_pyproject_has_components_and_alerts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "pyproject.toml"
        file.write_text("[tool.perfbudget.components.gateway]\np95_ms = 50\n", "utf-8")
        below = tmp_path / "src"
        below.mkdir()
        monkeypatch.chdir(below)
        for path in (None, file, str(file)):
            with Monitor.from_pyproject(path, in_background=False) as monitor:
                monitor.observe("gateway.call", 0.01)
                assert component(monitor)["budgets"][0]["source"].startswith("pyproject.toml")

    def test_a_missing_file_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"absent\.toml: there is no such file$"):
            Monitor.from_pyproject(tmp_path / "absent.toml")

    def test_an_alert_on_an_unknown_metric_is_one_line_that_names_the_known_metrics(self, tmp_path: Path) -> None:
        file = tmp_path / "pyproject.toml"
        file.write_text(
            '[tool.perfbudget.alerts.slow]\nmetric = "latency"\ncomponent = "storage"\nlimit = 50\n', "utf-8"
        )
        with pytest.raises(ConfigError) as raised:
            Monitor.from_pyproject(file)
        assert str(raised.value).endswith(
            """pyproject.toml [tool.perfbudget.alerts."slow"]: metric 'latency' is unknown: """
            "use error_rate, errors, rps, health_score, apdex, or a statistic with its unit such as p95_ms"
        )
        assert "\n" not in str(raised.value)

    def test_no_pyproject_is_a_note(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pytest_perfbudget.monitor.monitor.nearest_file", lambda _: None)
        with Monitor.from_pyproject(in_background=False) as monitor:
            (note,) = monitor.summary()["notes"]
        assert note.endswith("or above, so the service has no budgets")

    def test_an_unknown_window_is_an_error(self) -> None:
        with pytest.raises(ConfigError, match=r"^Monitor: judged_over must be '1m' or '5m' .*, found '2m'$"):
            Monitor(judged_over="2m")


def with_fast_errors(make_monitor: Make, slow: int, errors: int) -> tuple[int, list[str]]:
    """Return the health score and the alerts that fire, of 1,000 answers and of errors that come at once."""
    monitor = make_monitor({**GATEWAY, "alerts": {"slow": {**ALERT, "limit": 50, "for": "0s"}}})
    load(monitor, "gateway", 0.06, slow)
    load(monitor, "gateway", 0.01, 1_000 - slow)
    load(monitor, "gateway", 0.0001, errors, errors)
    found = monitor.summary()
    return found["health_score"], [one["alert"] for one in found["alerts"] if one["state"] == "firing"]


def test_errors_that_come_at_once_make_nothing_better(make_monitor: Make) -> None:
    scores = [with_fast_errors(make_monitor, 80, errors) for errors in (0, 20, 100, 1_000)]
    assert [firing for _, firing in scores] == [["slow"]] * 4
    assert [score for score, _ in scores] == sorted((score for score, _ in scores), reverse=True)
    assert scores[0][0] < 60


def test_errors_alone_fire_no_alert_on_a_time(make_monitor: Make) -> None:
    assert with_fast_errors(make_monitor, 0, 1_000)[1] == []


def test_importing_the_monitor_imports_nothing_heavy() -> None:
    program = "import sys, pytest_perfbudget.monitor; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "pytest_perfbudget.monitor.monitor" in found
    assert not {"pytest", "_pytest", "scipy", "numpy", "rich", "asyncio", "opentelemetry"} & set(found)
