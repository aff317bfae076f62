"""Kills writers of a history at random moments, and counts the sessions that were reported as written and are lost.

python tests/benchmarks/history_kills.py [kills]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from histories import START_S
from history_writers import assert_whole, started

from pytest_perfbudget.history.store import sessions


def main(kills: int) -> None:
    """Print how many sessions survived."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "history.db")
        with started(file, f"kill_writers(sys.argv[1], {kills})") as process:
            assert process.stdout is not None
            written = {int(line) for line in process.stdout if line.endswith("\n")}
        assert_whole(file, written)
        found = {int(one.circumstances.id, 16) for one in sessions(file, START_S)}
    print(f"{kills} writers killed: {len(written)} sessions written, {len(written - found)} lost, none in part")
    print(f"{len(found - written)} further sessions were whole on disk before their writer could say so")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
