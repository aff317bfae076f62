"""Files of loads for other tools' viewers: .hgrm for HdrHistogram's plotters, k6's summary."""

from __future__ import annotations

import io
import json
from array import array
from dataclasses import replace
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from results import MS, budget, measurement

from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.load.facts import LoadFacts
from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load.result import describe_load
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.samples import quantile
from pytest_perfbudget.report import formats
from pytest_perfbudget.report.formats import FORMATS


def result_of(*measurements: Measurement) -> RunResult:
    return RunResult(measurements=measurements)


def record(values_us: list[int], failures: int = 0) -> LoadRecord:
    failed = array("b", [0] * (len(values_us) - failures) + [1] * failures)
    return LoadRecord(
        LoadPlan(users=2, requests=5), Latencies(1000 * one for one in values_us), failed, elapsed_ns=10**9
    )


def load(values_us: list[int], failures: int = 0, **changed: Any) -> Measurement:
    found = record(values_us, failures)
    return measurement(kind=LOAD, name="order", load=LoadFacts.of(found), statistics=describe_load(found), **changed)


@pytest.mark.parametrize("values_us", [[1], [7, 7, 9], list(range(1, 1001)), [3] * 500 + [1999]])
def test_an_hgrm_file_has_the_columns_of_hdrhistogram_and_exact_quantiles(values_us: list[int]) -> None:
    oracle = HdrHistogram(1, 10**6, 4)
    for value in values_us:
        oracle.record_value(value)
    written = io.BytesIO()
    oracle.output_percentile_distribution(written, 1000.0)
    text = formats.render(result_of(load(values_us)), "hgrm").splitlines()
    assert text[0].split() == written.getvalue().decode().splitlines()[0].split()
    rows = [line.split() for line in text[2:] if not line.startswith("#")]
    for value_ms, share, count, *_ in rows:
        assert float(value_ms) == quantile(sorted(values_us), float(share)) / 1000
        assert int(count) == sum(one / 1000 <= float(value_ms) for one in values_us)
    shares = [float(row[1]) for row in rows]
    assert shares == sorted(set(shares))
    assert (shares[0], shares[-1]) == (0, 1)
    assert f"Total count    = {len(values_us):12d}]" in text[-2]


def test_several_loads_have_their_names() -> None:
    text = formats.render(result_of(load([1]), load([2])), "hgrm")
    assert text.count("#[Load = tests/test_api.py::test_login order]") == 2


def test_a_name_of_several_lines_stays_on_its_line() -> None:
    loads = [replace(load([1]), name="a\n0.001 0.5 1 2.00\x1b[31m"), load([2])]
    lines = formats.render(result_of(*loads), "hgrm").splitlines()
    assert lines[0] == r"#[Load = tests/test_api.py::test_login a\n0.001 0.5 1 2.00\x1b[31m]"


def test_a_session_without_loads_makes_an_empty_file() -> None:
    assert formats.render(result_of(measurement()), "hgrm") == ""
    assert json.loads(formats.render(result_of(measurement()), "k6"))["metrics"] == {}


def test_a_k6_summary_has_the_names_units_and_thresholds_of_k6() -> None:
    limit = budget(BudgetVerdict.EXCEEDED, limit=50 * MS)
    rate = budget(BudgetVerdict.WITHIN, metric="error_rate", keyword="max_error_rate", unit="%", limit=25.0)
    data = json.loads(formats.render(result_of(load([1000, 2000, 3000, 4000], 1, budgets=[limit, rate])), "k6"))
    duration = data["metrics"]["http_req_duration"]
    assert (duration["type"], duration["contains"]) == ("trend", "time")
    assert duration["values"]["avg"] == 2.5
    assert (duration["values"]["min"], duration["values"]["max"]) == (1, 4)
    assert duration["thresholds"] == {"p(95)<=50": {"ok": False}}
    assert data["metrics"]["http_reqs"]["values"] == {"count": 4, "rate": 4}
    failed = data["metrics"]["http_req_failed"]
    assert failed["values"] == {"rate": 0.25, "passes": 1, "fails": 3}
    assert failed["thresholds"] == {"rate<=0.25": {"ok": True}}
    assert data["metrics"]["vus_max"]["values"] == {"value": 2, "min": 2, "max": 2}
    assert data["state"] == {"isStdOutTTY": False, "isStdErrTTY": False, "testRunDurationMs": 1000}
    assert (data["root_group"]["checks"], data["root_group"]["groups"]) == ([], [])
    assert "p(95)" in data["options"]["summaryTrendStats"]


@pytest.mark.parametrize("verdict", BudgetVerdict)
def test_a_threshold_of_a_k6_summary_is_ok_only_if_the_limit_holds(verdict: BudgetVerdict) -> None:
    is_measured = verdict is not BudgetVerdict.UNMEASURED
    limits = [
        budget(verdict, metric="p75", limit=50 * MS, estimate=2 * MS if is_measured else None),
        budget(verdict, metric="rps", keyword="min_rps", unit="rps", limit=3.0),
        budget(verdict, metric="success_rate", keyword="min_success_rate", unit="%", limit=99.0),
        budget(BudgetVerdict.WITHIN, metric="error_rate", keyword="max_error_rate", unit="%", limit=1.0),
    ]
    metrics = json.loads(formats.render(result_of(load([1000, 2000, 3000], budgets=limits)), "k6"))["metrics"]
    expected = {"ok": verdict is BudgetVerdict.WITHIN}
    assert metrics["http_req_duration"]["thresholds"] == {"p(75)<=50": expected}
    assert "p(75)" in metrics["http_req_duration"]["values"]
    assert metrics["http_reqs"]["thresholds"] == {"rate>=3": expected}
    assert metrics["http_req_failed"]["thresholds"] == {"rate<=0.01": expected}


def test_limits_on_the_serving_process_are_thresholds_of_gauges() -> None:
    limits = [
        budget(BudgetVerdict.EXCEEDED, metric="rss", keyword="rss_mb", unit="bytes", limit=50e6),
        budget(BudgetVerdict.WITHIN, metric="cpu_percent", keyword="cpu_percent", unit="%", limit=80.0),
    ]
    one = load([1000], budgets=limits)
    one = replace(one, statistics={**one.statistics, "rss": 64e6, "cpu_percent": 12.5})
    metrics = json.loads(formats.render(result_of(one), "k6"))["metrics"]
    assert metrics["process_rss"] == {
        "type": "gauge",
        "contains": "data",
        "values": {"value": 64e6, "min": 64e6, "max": 64e6},
        "thresholds": {"value<=50000000": {"ok": False}},
    }
    assert metrics["process_cpu_percent"]["thresholds"] == {"value<=80": {"ok": True}}


def test_a_load_without_its_process_has_no_gauges_of_it_and_an_unmeasured_limit_is_not_ok() -> None:
    assert "process_rss" not in json.loads(formats.render(result_of(load([1000])), "k6"))["metrics"]
    limit = budget(BudgetVerdict.UNMEASURED, metric="rss", keyword="rss_mb", unit="bytes", limit=50e6, estimate=None)
    gauge = json.loads(formats.render(result_of(load([1000], budgets=[limit])), "k6"))["metrics"]["process_rss"]
    assert (gauge["values"], gauge["thresholds"]) == ({}, {"value<=50000000": {"ok": False}})


def test_several_loads_are_submetrics_of_a_k6_summary() -> None:
    other = load([1])
    data = json.loads(formats.render(result_of(load([1]), other), "k6"))
    assert "http_reqs{load:tests/test_api.py::test_login order}" in data["metrics"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_of_the_option_has_a_renderer(name: str) -> None:
    assert isinstance(formats.render(result_of(load([1, 2])), name), str)


def test_the_facts_of_a_load_survive_a_report() -> None:
    facts = load([5, 6, 7]).load
    assert facts is not None
    assert LoadFacts.from_dict(json.loads(json.dumps(facts.to_dict()))) == facts
