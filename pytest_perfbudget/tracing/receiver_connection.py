"""The connection of an exporter to the receiver: as much of HTTP/1.1 as the two need, on a plain socket.

A process may fork at any moment while a thread waits for an answer. The buffered files of `http.client` and
`urllib.request` have a lock that the child would find taken for ever; a plain socket has none.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Final

_TIMEOUT_S: Final = 2.0
_END_OF_HEAD: Final = b"\r\n\r\n"
_CHUNK: Final = 65_536


class ReceiverConnection:
    """A connection that is made with the first request, and again with the next after an error.

    Args:
        endpoint: the address of the receiver, such as `http://127.0.0.1:43123`.
    """

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.removeprefix("http://").partition(":")
        self._address = host, int(port)
        self._socket: socket.socket | None = None

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a request, and wait for no answer.

        Raises:
            OSError: there is no receiver.
        """
        named = {"Host": self._address[0], "Content-Length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        if self._socket is None:
            self._socket = socket.create_connection(self._address, _TIMEOUT_S)
        self._socket.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)

    def is_taken(self) -> bool:
        """Read the answer, and return whether the receiver took the request.

        Raises:
            OSError: there is no answer.
        """
        if self._socket is None:
            return False
        answer = b""
        while _END_OF_HEAD not in answer:
            answer += self._more(self._socket)
        head, _, body = answer.partition(_END_OF_HEAD)
        status, *lines = head.decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        while len(body) < int(headers.get("content-length", "0")):
            body += self._more(self._socket)
        if headers.get("connection") == "close":
            self.close()
        return status.split()[1:2] == ["200"]

    def close(self) -> None:
        """End the connection; in a forked child, this process's copy of the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @staticmethod
    def _more(connection: socket.socket) -> bytes:
        chunk = connection.recv(_CHUNK)
        if not chunk:
            message = "the receiver has ended the connection"
            raise OSError(message)
        return chunk
