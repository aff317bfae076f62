"""Servers of both sides on one fixed address, which do not collide: a client reaches either."""

from __future__ import annotations

import sys

import pytest
from programs import shop
from repositories import Repository
from scripting import times

pytestmark = [
    pytest.mark.usefixtures("brief"),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who listens"),
]

SERVE = """
import os, shop, socket, sys, scripted
path = sys.argv[1]
if os.path.exists(path): os.unlink(path)  # as asyncio's servers do
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
print("up", flush=True)
while True:
    client = server.accept()[0]
    before = scripted.now_ns
    shop.work()
    client.sendall(str(scripted.now_ns - before).encode())
    client.close()
"""
TESTS = """
import os, socket, subprocess, sys

@pytest.fixture(scope="module")
def path():
    path = {path}
    program = os.path.join(os.path.dirname(__file__), "serve.py")
    server = subprocess.Popen([sys.executable, program, path], stdout=subprocess.PIPE)
    server.stdout.readline()
    yield path
    server.kill()
    server.wait()

def test_it(path, perf):
    def ask():
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            advance(int(client.recv(99)) / 1e6)
    perf(ask)
"""


def test_a_server_whose_path_the_other_side_takes_over_is_measured_after_the_last_test(repository: Repository) -> None:
    """Both clients would reach the same server, and a slower head would stay green."""
    path = str(repository.pytester.path.parent / "s")
    repository.commit({"serve.py": SERVE}, tests=TESTS.format(path=repr(path)))
    repository.file("shop.py", shop(3))
    result = repository.against_base(subprocess=True)
    result.assert_outcomes(passed=1, failed=1)
    assert times(repository) == {"test_it ask": "regressed"}
    result.stdout.fnmatch_lines(["*could not be compared beside the session, so it was measured after the last test*"])


def test_servers_with_a_path_for_each_worker_are_compared_side_by_side(repository: Repository) -> None:
    path = f"{str(repository.pytester.path.parent)!r} + '/s' + os.environ.get('PYTEST_XDIST_WORKER', '')"
    repository.commit({"serve.py": SERVE}, tests=TESTS.format(path=path))
    repository.file("shop.py", shop(3))
    result = repository.against_base(subprocess=True)
    result.assert_outcomes(failed=1)
    assert times(repository) == {"test_it ask": "regressed"}
    assert "after the last test" not in result.stdout.str()
