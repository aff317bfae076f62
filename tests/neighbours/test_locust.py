"""perf_load.locust: a scenario of the real locust, in processes of its own, held to budgets."""

from __future__ import annotations

import importlib.util
import subprocess

import pytest
from programs import shop as shop_code
from repositories import Repository
from scripting import Neighbour, Project, times

SERVER = """
import asyncio, sys

async def handle(reader, writer):
    while await reader.read(65536):
        status = b"500 broken" if "broken" in sys.argv else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    writer.close()

async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""

LOCUSTFILE = """
from locust import FastHttpUser, constant, task

class Shop(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def index(self): self.client.get("/")

class Other(Shop):
    @task
    def index(self): raise AssertionError("the other user was not asked for")
"""

TEST = """
import subprocess, sys

def test_shop(perf_load):
    with subprocess.Popen([sys.executable, "server.py", {state!r}], stdout=subprocess.PIPE, text=True) as server:
        host = "http://127.0.0.1:" + server.stdout.readline().strip()
        try:
            found = perf_load.locust(
                {target}, users=4, duration="2s", host=host, workers={workers}, max_ms=60_000, max_error_rate=0.2,
            )
        finally:
            server.kill()
    assert found.requests > 20
    assert ("gevent" in sys.modules) is ("users" in sys.modules)
"""


@pytest.fixture
def shop(lean: Project, with_neighbour: Neighbour) -> Project:
    with_neighbour("locust")
    lean.file("server.py", SERVER)
    lean.file("locustfile.py", LOCUSTFILE.partition("class Other")[0])
    lean.file("users.py", LOCUSTFILE)
    return lean


@pytest.mark.parametrize("workers", [0, 2], ids=["one process", "a master and two workers"])
def test_a_scenario_is_held_to_limits_and_leaves_no_process(shop: Project, workers: int) -> None:
    tests = TEST.format(state="sound", target="'locustfile.py'", workers=workers)
    shop.run(tests, subprocess=True).assert_outcomes(passed=1)
    assert shop.verdicts() == {"test_shop locustfile max": "within", "test_shop locustfile error_rate": "within"}
    ended = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout
    assert str(shop.pytester.path) not in ended


def test_errors_of_the_service_fail_the_test(shop: Project) -> None:
    result = shop.run(TEST.format(state="broken", target="'locustfile.py'", workers=0), subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["* x LocustBadStatusCode: *code=500*"])


@pytest.mark.parametrize(
    ("task", "requests", "outcome", "line"),
    [
        ("assert not 'refused'", 30, "failed", "* x AssertionError*"),
        (
            "import os, sys; print('out of memory', flush=True); os._exit(3)",
            1000,  # some of them arrive before the process dies
            "passed",
            "*ended with status 3: out of memory*",
        ),
    ],
    ids=["an error in a task", "a process that dies"],
)
def test_what_fails_beside_the_requests_is_not_within(
    shop: Project, task: str, requests: int, outcome: str, line: str
) -> None:
    lines = f"        for _ in range({requests}): self.client.get('/')"
    shop.file(
        "failing.py",
        LOCUSTFILE.partition("    @task")[0] + f"    @task\n    def index(self):\n{lines}\n        {task}\n",
    )
    tests = TEST.format(state="sound", target="'failing.py'", workers=0).replace(", max_error_rate=0.2", "")
    result = shop.run(tests, subprocess=True)
    result.assert_outcomes(**{outcome: 1})
    result.stdout.fnmatch_lines([line])
    assert "within" not in shop.verdicts().values() or outcome == "failed"


def test_a_user_class_is_run_alone(shop: Project) -> None:
    tests = "from users import Shop\n" + TEST.format(state="sound", target="Shop", workers=0)
    shop.run(tests, subprocess=True).assert_outcomes(passed=1)
    assert set(shop.verdicts()) == {"test_shop Shop max", "test_shop Shop error_rate"}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("'gone.py'", "there is no locustfile gone.py"),
        ("'broken.py'", "locust made no request: *"),
        ("5", "expected a locustfile or a user class, found 5"),
    ],
)
def test_what_cannot_be_run_is_one_line(shop: Project, target: str, message: str) -> None:
    shop.file("broken.py", "import no_such_module")
    tests = f"def test_it(perf_load):\n    perf_load.locust({target}, users=1, duration='1s')\n"
    result = shop.run(tests, subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"perf_load.locust() in test_it.py:*: {message}"])


OWN_FIXTURE = """
import sys, shop

@pytest.fixture
def session(): return "the project's own"

def test_it(perf, session):
    assert session == "the project's own"
    assert "gevent" not in sys.modules
    perf(shop.work)
"""


@pytest.mark.parametrize("plugin", [(), ("-p", "pytest_locust.plugin")], ids=["without", "with"])
def test_the_plugin_of_locust_gives_no_process_another_fixture(
    repository: Repository, with_neighbour: Neighbour, plugin: tuple[str, ...]
) -> None:
    """It has a fixture `session`, which is not the project's; the slowdown shows that fresh processes have run."""
    with_neighbour("locust")
    repository.commit(tests=OWN_FIXTURE)
    repository.file("shop.py", shop_code(3))
    repository.against_base(*plugin, subprocess=True)
    assert times(repository) == {"test_it work": "regressed"}


@pytest.mark.skipif(importlib.util.find_spec("locust") is not None, reason="locust is installed here")
def test_without_locust_the_extra_is_named(project: Project) -> None:
    result = project.run("def test_it(perf_load):\n    perf_load.locust('a.py', users=1, duration='1s')\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["perf_load.locust() in test_it.py:*: *pip install 'pytest-perfbudget[[]locust]'"])
