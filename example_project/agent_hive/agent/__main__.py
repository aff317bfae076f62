"""The command `python -m agent_hive.agent`."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from agent_hive.agent.app import AgentSettings, create_app
from agent_hive.agent.skills import SKILLS
from agent_hive.discovery.registry import DEFAULT_TTL_S
from agent_hive.server import serve


def main() -> None:
    """Read the command line, and run an agent until the process is told to end."""
    parser = argparse.ArgumentParser(prog="python -m agent_hive.agent", description="Run an agent.")
    parser.add_argument("agent_id", help="the name of the agent")
    parser.add_argument("--database", type=Path, required=True, help="the SQLite file of the hive")
    parser.add_argument("--skill", action="append", choices=sorted(SKILLS), help="a skill to offer (default: all)")
    parser.add_argument("--weight", type=int, default=1, help="the agent's share of the calls (default: 1)")
    parser.add_argument("--ttl", type=float, default=DEFAULT_TTL_S, help="the seconds that an endpoint lives")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="the port (default: the system chooses)")
    parser.add_argument("--ends-with-parent", action="store_true", help="end when the starting process has ended")
    options = parser.parse_args()
    settings = AgentSettings(
        options.agent_id, options.database, frozenset(options.skill or SKILLS), options.weight, options.ttl
    )
    serve(
        partial(create_app, settings),
        host=options.host,
        port=options.port,
        ends_with_parent=options.ends_with_parent,
    )


if __name__ == "__main__":
    main()
