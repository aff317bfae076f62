"""Kills writers of a history at random moments, and counts what was reported as written and is lost.

python tests/benchmarks/history_kills.py [kills]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from histories import START_S
from history_writers import assert_minutes_whole, assert_whole, started

from pytest_perfbudget.history.store import sessions


def killed(file: Path, kills: int, append_to: str) -> set[int]:
    """Return the numbers that were reported as written by writers that were killed."""
    with started(file, f"kill_writers(sys.argv[1], {kills}, {append_to})") as process:
        assert process.stdout is not None
        return {int(line) for line in process.stdout if line.endswith("\n")}


def main(kills: int) -> None:
    """Print how many sessions survived, and how many minutes of a service, some of which are merged to hours."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "history.db")
        written = killed(file, kills, "append_session")
        assert_whole(file, written)
        minutes = killed(Path(folder, "service.db"), kills, "append_minute")
        assert_minutes_whole(Path(folder, "service.db"), minutes)
        found = {int(one.circumstances.id, 16) for one in sessions(file, START_S)}
    print(f"{kills} writers killed: {len(written)} sessions written, {len(written - found)} lost, none in part")
    print(f"{kills} writers killed: {len(minutes)} minutes of two components written, none lost or in part")
    print(f"{len(found - written)} further sessions were whole on disk before their writer could say so")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
