"""The command `python -m agent_hive.gateway`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from agent_hive.errors import SettingsError
from agent_hive.gateway.app import create_app
from agent_hive.gateway.settings import GatewaySettings
from agent_hive.server import serve


def main() -> None:
    """Read the command line, and run the gateway until the process is told to end."""
    parser = argparse.ArgumentParser(
        prog="python -m agent_hive.gateway",
        description="Run the gateway. With REDIS_URL in the environment, gateways count the calls of agents together.",
    )
    parser.add_argument("settings", type=Path, help="a JSON file with issuer, audience, roles and limits")
    parser.add_argument("--database", type=Path, required=True, help="the SQLite file of the hive")
    parser.add_argument("--public-key", type=Path, required=True, help="a PEM file with the key that verifies tokens")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="the port (default: the system chooses)")
    parser.add_argument("--ends-with-parent", action="store_true", help="end when the starting process has ended")
    options = parser.parse_args()
    try:
        settings = GatewaySettings.read(
            options.settings,
            database=options.database,
            public_key=options.public_key,
            redis_url=os.environ.get("REDIS_URL"),
        )
    except SettingsError as error:
        parser.error(str(error))
    serve(
        lambda _: create_app(settings),
        host=options.host,
        port=options.port,
        ends_with_parent=options.ends_with_parent,
    )


if __name__ == "__main__":
    main()
