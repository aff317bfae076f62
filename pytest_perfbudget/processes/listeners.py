"""The addresses on which a process and its descendants listen; only Linux tells.

Two servers on one address need not collide: the second takes a socket's path over from the first, and with
SO_REUSEPORT the system shares connections out among both.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_LISTENS: Final = 0x10000
"""The flag of a Unix socket that accepts connections (`__SO_ACCEPTCON`)."""
_TCP_LISTEN: Final = "0A"


@dataclass(frozen=True, slots=True)
class _Address:
    """An address, which may be the path of a socket."""

    text: str
    is_path: bool = False

    def absolute(self, pid: int) -> str:
        """Return the address as all processes would write it: a socket's path may be relative."""
        if self.is_path:
            with suppress(OSError):
                return str((_PROC / str(pid) / "cwd").readlink() / self.text)
        return self.text


def shared_address(pid: int, other: int) -> str:
    """Return an address on which two processes or their descendants listen, each for itself; empty if there is none."""
    if not pid or not other:
        return ""
    try:
        if not _any_twice(pid, other):
            return ""
        family = _families()
        first, second = (_listened(_with_descendants(one, family)) for one in (pid, other))
    except OSError:  # not Linux
        return ""
    return next(iter(sorted(first & second)), "")


def _any_twice(pid: int, other: int) -> bool:
    """Return whether two sockets have one address; else no process has to be looked at, which takes longer."""
    networks = {(_PROC / str(one) / "ns/net").readlink(): one for one in (pid, other)}
    sockets = {name: address for one in networks.values() for name, address in _sockets(_PROC / str(one) / "net")}
    return len(set(sockets.values())) < len(sockets)


def _families() -> list[tuple[int, int, int]]:
    """Return the id, the parent's id and the session's id of each process."""
    found = []
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            with suppress(OSError, ValueError, IndexError):
                # "pid (name) state parent group session ..."; a name may have any character
                facts = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
                found.append((int(folder.name), int(facts[1]), int(facts[3])))
    return found


def _with_descendants(pid: int, families: Iterable[tuple[int, int, int]]) -> set[int]:
    """Return a process, its descendants, and the processes of its session, whose parents may have ended."""
    families = list(families)
    found = {pid} | {one for one, _, session in families if session == pid}
    while more := {one for one, parent, _ in families if parent in found and one not in found}:
        found |= more
    return found


def _listened(pids: Iterable[int]) -> set[str]:
    found: set[str] = set()
    sockets: dict[str, dict[str, _Address]] = {}
    for pid in pids:
        with suppress(OSError):
            network = str((_PROC / str(pid) / "ns/net").readlink())
            if network not in sockets:
                sockets[network] = dict(_sockets(_PROC / str(pid) / "net"))
            for file in (_PROC / str(pid) / "fd").iterdir():
                with suppress(OSError):  # closed meanwhile
                    address = sockets[network].get(str(file.readlink()))
                    if address is not None:
                        found.add(address.absolute(pid))
    return found


def _sockets(folder: Path) -> Iterator[tuple[str, _Address]]:
    """Yield the names of listening sockets, as the file descriptors of a process name them, with their addresses."""
    for line in (folder / "unix").read_text("utf-8", "replace").splitlines()[1:]:
        fields = line.split(None, 7)
        if len(fields) == 8 and int(fields[3], 16) & _LISTENS:
            yield f"socket:[{fields[6]}]", _Address(fields[7], is_path=not fields[7].startswith("@"))
    for name in ("tcp", "tcp6"):
        with suppress(OSError):  # without IPv6
            for line in (folder / name).read_text("utf-8").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _TCP_LISTEN:
                    yield f"socket:[{fields[9]}]", _Address(_readable(fields[1]))


def _readable(text: str) -> str:
    """Return an address and its port, which the kernel writes as hexadecimal words in the order of the machine."""
    address, _, port = text.partition(":")
    raw = bytes.fromhex(address)
    words = [raw[at : at + 4] for at in range(0, len(raw), 4)]
    ip = ip_address(b"".join(one[::-1] if sys.byteorder == "little" else one for one in words))
    return f"{f'[{ip}]' if ip.version == 6 else ip}:{int(port, 16)}"
