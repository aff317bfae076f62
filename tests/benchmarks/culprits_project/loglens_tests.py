"""The perf tests of the analyser `loglens`, which `culprits.py` runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from loglens import entries, feeds, report, rules, storage, summary

from pytest_perfbudget import Perf

LINES = entries.sample(200)
ENTRIES = entries.parse(LINES)


def test_parses(perf: Perf) -> None:
    perf(entries.parse, LINES)


def test_reads_the_store(perf: Perf) -> None:
    store = storage.Store(ENTRIES * 5)
    perf(store.paths_of, "10.0.1.1")


def test_sums_traffic(perf: Perf) -> None:
    store = storage.Store(ENTRIES * 5)
    perf(store.traffic, summary.hosts(ENTRIES)[:30])


def test_saves(perf: Perf, tmp_path: Path) -> None:
    perf(storage.save, tmp_path / "log", LINES * 10)


def test_loads(perf: Perf, tmp_path: Path) -> None:
    storage.save(tmp_path / "log", LINES * 10)
    perf(storage.load, tmp_path / "log")


def test_sums_up(perf: Perf) -> None:
    perf(summary.overview, ENTRIES * 3)


def test_finds_the_heaviest(perf: Perf) -> None:
    perf(summary.heaviest, ENTRIES * 3)


def test_takes_a_snapshot(perf: Perf) -> None:
    perf(summary.snapshot, ENTRIES * 5)


def test_raises_alarms(perf: Perf) -> None:
    perf(rules.alarms, ENTRIES)


def test_blocks_hosts(perf: Perf) -> None:
    perf(rules.blocked, ENTRIES[:60])


def test_seals(perf: Perf) -> None:
    perf(rules.sealed, ["a", "b", "c"])


def test_writes_a_page(perf: Perf) -> None:
    perf(report.page, ENTRIES)


@pytest.mark.asyncio
async def test_fetches_feeds(perf: Perf) -> None:
    await perf.aio(feeds.fetch_all, [LINES[:40]] * 4)


def test_downloads_in_threads(perf: Perf) -> None:
    perf(feeds.download_all, [ENTRIES] * 4)
