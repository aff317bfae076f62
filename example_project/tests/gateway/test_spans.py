"""Where the time of a call goes: one tree of spans, from the test through the gateway to the agent."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator

import pytest
from pytest_perfbudget.tracing import headers, track

from hive_processes import Hive, hive


@pytest.fixture(scope="module")
def traced_hive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hive]:
    """A hive whose processes record spans."""
    with hive(tmp_path_factory.mktemp("traced"), agents=1, traced=True) as started:
        yield started


@pytest.fixture(scope="module")
def send(traced_hive: Hive) -> Callable[..., None]:
    """A function that sends a call; all calls carry the same token."""
    caller = traced_hive.headers()

    def send_one(body: bytes | None = None) -> None:
        with track("call"):
            url, sent = traced_hive.call_url(), {**caller, **headers()}
            request = urllib.request.Request(url, body, sent)  # noqa: S310 - the gateway of this test
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the gateway of this test
                assert answer.status == 200

    return send_one


# `perfbudget` receives the spans of the other processes; --perf-spans shows the tree.
@pytest.mark.perf_budget(
    spans={
        "call": {"p95_ms": 100},
        "gateway": {"p95_ms": 100, "max_count": 1},
        "security.jwt": {"p95_ms": 50, "max_share": 0.5},
        "security.rbac": {"p95_ms": 20},
        "discovery.lookup": {"p95_ms": 100},
        "upstream": {"max_count": 1},
        "agent": {"p95_ms": 50, "max_count": 1},
    }
)
def test_a_call_passes_the_gateway_and_one_agent(send: Callable[..., None]) -> None:
    send(b'{"text": "One. Two two."}')


@pytest.mark.perf_budget(spans={"gateway": {"max_count": 1}, "response_cache": {"p95_ms": 100}})
def test_a_public_answer_needs_no_agent(send: Callable[..., None]) -> None:
    send()
