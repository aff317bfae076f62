from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path

from pytest_perfbudget import PerfLoad

from agent_hive.discovery.lookup import Lookup
from agent_hive.discovery.registry import Registry
from agent_hive.storage.database import Database

AGENTS = 200
CAPABILITIES = [f"capability-{number}" for number in range(20)]


def test_finds_services(perf_load: PerfLoad, tmp_path: Path) -> None:
    with closing(Database(tmp_path / "hive.sqlite3")) as database:
        registry = Registry(database)
        for number in range(AGENTS):
            registry.announce(f"agent-{number}", f"http://127.0.0.1:{number + 1}", [CAPABILITIES[number % 20]])
        # Entries that live for half a second are read again and again under the load.
        lookup = Lookup(registry, keep_s=0.5, lead_s=0.2)
        wanted = itertools.cycle(CAPABILITIES)

        def find() -> None:
            assert len(lookup.find(next(wanted))) == AGENTS // len(CAPABILITIES)

        perf_load(find, rate=150, duration="4100ms")
