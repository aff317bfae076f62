"""The addresses on which processes listen."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pytest_perfbudget.processes.listeners import shared_address

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")

UNIX = """
import os, socket, sys
path = sys.argv[1]
if os.path.exists(path): os.unlink(path)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
print("up", flush=True)
sys.stdin.read()
"""
TCP = """
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind((host, int(port)))
server.listen()
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", *sys.argv[1:]], start_new_session=True, stdout=subprocess.PIPE, text=True)
print(child.stdout.readline(), flush=True)
sys.stdin.read()
"""


@contextmanager
def running(program: str, *arguments: str, folder: Path | None = None) -> Iterator[tuple[int, str]]:
    """Run a program until the end of the block, and yield its id and its first line."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, start_new_session=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.pid, process.stdout.readline().strip()
        finally:
            process.terminate()


def shared(*programs: tuple[str, ...], folders: tuple[Path | None, Path | None] = (None, None)) -> str:
    with ExitStack() as undo:
        pids = [
            undo.enter_context(running(*one, folder=folder))[0] for one, folder in zip(programs, folders, strict=True)
        ]
        return shared_address(*pids)


def test_a_socket_whose_path_was_taken_over_is_shared(tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    assert shared((UNIX, path), (UNIX, path)) == path


def test_a_socket_of_a_child_in_a_session_of_its_own_is_its_parents(tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    assert shared((PARENT, UNIX, path), (UNIX, path)) == path


def test_sockets_at_other_paths_are_not_shared(tmp_path: Path) -> None:
    assert shared((UNIX, str(tmp_path / "a")), (UNIX, str(tmp_path / "b"))) == ""


def test_a_relative_path_belongs_to_the_folder_of_its_process(tmp_path: Path) -> None:
    folders = (tmp_path / "a", tmp_path / "b")
    for one in folders:
        one.mkdir()
    assert shared((UNIX, "s"), (UNIX, "s"), folders=folders) == ""
    assert shared((UNIX, "s"), (UNIX, "s"), folders=(tmp_path, tmp_path)) == str(tmp_path / "s")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_two_servers_reuse_is_shared(host: str) -> None:
    try:
        with running(TCP, f"{host}:0") as (first, port), running(TCP, f"{host}:{port}") as (second, again):
            assert again == port
            assert shared_address(first, second) == (f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except ValueError:
        pytest.skip("no IPv6 here")


def test_ports_that_the_system_chose_are_not_shared() -> None:
    assert shared((TCP, "127.0.0.1:0"), (TCP, "127.0.0.1:0")) == ""


def test_processes_without_servers_share_nothing() -> None:
    idle = ("import sys; print(); sys.stdin.read()",)
    assert shared(idle, idle) == ""
    assert shared_address(0, 0) == ""
