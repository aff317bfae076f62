from __future__ import annotations

import redis
from pytest_perfbudget import PerfLoad

from hive_load import Request, complete_request, run_load
from hive_processes import Hive

STEPS = [(100, "10ms"), (100, "1s"), (250, "10ms"), (250, "1s"), (500, "10ms"), (500, "1500ms")]


def test_answers_complete_requests(perf_load: PerfLoad, running_hive: Hive, sends: Request) -> None:
    process = running_hive.gateway.process
    run_load(perf_load, sends, rate=50, duration="4s", warm_up="500ms", pid=process, name="request")


def test_answers_by_itself(perf_load: PerfLoad, reads: Request) -> None:
    run_load(perf_load, reads, rate=100, duration="2s", warm_up="200ms", name="read")


def test_serves_ten_users(perf_load: PerfLoad, sends: Request) -> None:
    run_load(perf_load, sends, users=10, requests=20, warm_up="500ms", name="request")


def test_keeps_up_with_steps(perf_load: PerfLoad, running_hive: Hive, sends: Request) -> None:
    run_load(perf_load, sends, stages=STEPS, pid=running_hive.gateway.process, name="request")


def test_counts_calls_in_redis(perf_load: PerfLoad, redis_hive: Hive, redis_url: str) -> None:
    result = run_load(perf_load, complete_request(redis_hive), rate=50, duration="3s", warm_up="300ms", name="request")

    assert result.requests == 150
    with redis.Redis.from_url(redis_url) as client:
        assert any(b"summary" in key and b"sender-" in key for key in client.scan_iter())
