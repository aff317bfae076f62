"""Compares a real server with itself and with one that takes longer, under load, as a Markdown table.

    python tests/benchmarks/load_duet.py [--sessions 15] [--slower 1.10]

Each session is `pytest --perf-against` in a repository of its own: an aiohttp server in its own process answers each
request after about two milliseconds of work, one at a time; Poisson arrivals keep 60 % of its time busy. A request to
the slower commit takes 10 % longer. Takes half an hour; let nothing else run meanwhile.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

UTILISATION = 0.6
SERVER = """
import hashlib
from aiohttp import web

async def answer(request):
    return web.Response(text=hashlib.pbkdf2_hmac("sha256", b"password", b"salt", {iterations}).hex())

app = web.Application()
app.router.add_get("/", answer)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=0, print=lambda text: print(text, flush=True))
"""
TEST = """
import asyncio, re, subprocess, sys
from pathlib import Path
import aiohttp, pytest

@pytest.fixture(scope="session")
def address():
    command = [sys.executable, str(Path(__file__).with_name("server.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        for line in server.stdout:
            if found := re.search(r"http://\\S+", line):
                break
        yield found[0]
        server.terminate()

def test_answers(perf_load, address):
    async def main():
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
            async def get():
                async with client.get(address) as response:
                    await response.read()
            await perf_load(get, rate={rate}, duration="{duration}", arrival="poisson", warm_up="1s")
    asyncio.run(main())
"""


def iterations_of(service_s: float) -> int:
    """Return the number of rounds of the hash that takes this long here."""
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 10_000)
        seconds.append(time.perf_counter() - start)
    return round(10_000 * service_s / statistics.median(seconds))


def service_s(iterations: int) -> float:
    """Return the time of a request to the server, which has nothing else to do, in s."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "server.py")
        file.write_text(SERVER.format(iterations=iterations), "utf-8")
        with subprocess.Popen([sys.executable, str(file)], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            port = next(int(found[1]) for line in server.stdout if (found := re.search(r"http://[^:]+:(\d+)", line)))
            client = http.client.HTTPConnection("127.0.0.1", port)
            seconds = []
            for _ in range(500):
                start = time.perf_counter()
                client.request("GET", "/")
                client.getresponse().read()
                seconds.append(time.perf_counter() - start)
            server.terminate()
    return statistics.median(seconds)


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgSign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def session(folder: Path, iterations: int, factor: float, test: str) -> dict[str, Any]:
    """Compare a server that does `factor` times the work with the committed one."""
    git(folder, "init", "--quiet")
    (folder / "pyproject.toml").write_text("[tool.perfbudget]\n", "utf-8")
    (folder / "server.py").write_text(SERVER.format(iterations=iterations), "utf-8")
    (folder / "test_server.py").write_text(test, "utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "a server")
    (folder / "server.py").write_text(SERVER.format(iterations=round(iterations * factor)) + "# head\n", "utf-8")
    start = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--perf-against=HEAD"]
    ended = subprocess.run(
        [*command, "--perf-output=run.json"], cwd=folder, capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - start
    document = json.loads((folder / "run.json").read_text("utf-8"))
    changes = [change for one in document["measurements"] for change in one["changes"]]
    return {"exit": ended.returncode, "seconds": seconds, "changes": changes, "text": ended.stdout}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=15)
    parser.add_argument("--slower", type=float, default=1.10)
    parser.add_argument("--work-ms", type=float, default=2.0)
    parser.add_argument("--duration", default="4s")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    iterations = iterations_of(options.work_ms / 1e3)
    took_s = service_s(iterations)
    test = TEST.format(rate=round(UTILISATION / took_s), duration=options.duration)
    print(f"a request takes {took_s * 1e3:.2f} ms; {UTILISATION / took_s:.0f} come in a second", file=sys.stderr)
    # The work grows by so much that the whole request, with the server's own part, takes so much longer.
    factors = {"same": 1.0, "slower": 1.0 + (options.slower - 1.0) * took_s * 1e3 / options.work_ms}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in factors}
    for _ in range(options.sessions):
        for name, factor in factors.items():
            with tempfile.TemporaryDirectory() as folder:
                said = session(Path(folder), iterations, factor, test)
            found[name].append(said)
            short = [(one["verdict"], one["ratio"], one["lower"], one["upper"]) for one in said["changes"]]
            print(name, said["exit"], f"{said['seconds']:.0f} s", short, file=sys.stderr, flush=True)
            if options.verbose:
                print(said["text"], file=sys.stderr)
    print("| request | sessions | red | ratio of the median session | seconds a session |\n|---|---|---|---|---|")
    for name, longer in (("same", 0.0), ("slower", options.slower - 1.0)):
        red = sum(one["exit"] == 1 for one in found[name])
        ratios = [change["ratio"] for one in found[name] for change in one["changes"] if change.get("ratio")]
        seconds = statistics.median(one["seconds"] for one in found[name])
        middle = f"{statistics.median(ratios):.3f}" if ratios else "-"
        print(f"| {longer:+.0%} time | {len(found[name])} | {red} | {middle} | {seconds:.0f} |")


if __name__ == "__main__":
    main()
