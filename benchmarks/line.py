"""One keep-alive HTTP connection, with no more work for each request than reading its answer."""

import asyncio
import re
import zlib
from dataclasses import dataclass

PATIENCE_SECONDS = 60.0
_GZIP = 16 + zlib.MAX_WBITS
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_PACKED = re.compile(rb"(?i)\r\ncontent-encoding: *gzip\r")


class Wrong(Exception):
    """The server did something that it must not; says what."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: bytes
    body: bytes

    @property
    def cookies(self) -> list[bytes]:
        return re.findall(rb"(?i)\r\nset-cookie: ([^\r]+)", self.head)


class Line:
    """Requests go one after the other. A connection that the server closed is opened again."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._wire: _Wire | None = None
        self._common = f"Host: {host}:{port}\r\nAccept-Encoding: gzip\r\n".encode()

    async def ask(self, method: str, path: str, headers: bytes, body: bytes = b"") -> Answer:
        """The answer, its body unpacked. `headers` end in CRLF each, or are empty."""
        request = b"%b %b HTTP/1.1\r\n%b%bContent-Length: %d\r\n\r\n%b" % (
            method.encode(), path.encode(), self._common, headers, len(body), body,
        )  # fmt: skip
        try:
            return await self._send(request)
        except ConnectionError:  # it was closed while idle: a browser asks again, and so do we
            self.close()
            return await self._send(request)

    def close(self) -> None:
        if self._wire is not None and self._wire.transport is not None:
            self._wire.transport.close()
        self._wire = None

    async def _send(self, request: bytes) -> Answer:
        loop = asyncio.get_running_loop()
        if self._wire is None or self._wire.is_closed:
            _, self._wire = await loop.create_connection(_Wire, self._host, self._port)
        return await self._wire.ask(request, loop)


class _Wire(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.is_closed = False
        self._read = bytearray()
        self._length = -1  # of head and body together, as soon as it is known
        self._body_at = 0
        self._waiting: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    async def ask(self, request: bytes, loop: asyncio.AbstractEventLoop) -> Answer:
        assert self.transport is not None
        self._read.clear()
        self._length = -1
        self._waiting = loop.create_future()
        self.transport.write(request)
        return await asyncio.wait_for(self._waiting, PATIENCE_SECONDS)

    def data_received(self, data: bytes) -> None:
        self._read += data
        if self._length < 0:
            end = self._read.find(b"\r\n\r\n")
            if end < 0:
                return
            self._body_at = end + 4
            self._length = self._body_at + _body_length(bytes(self._read[: end + 2]))
        if len(self._read) >= self._length and self._waiting and not self._waiting.done():
            self._waiting.set_result(self._answer())

    def connection_lost(self, error: Exception | None) -> None:
        self.is_closed = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError("The server closed the connection."))

    def _answer(self) -> Answer:
        head = bytes(self._read[: self._body_at - 2])
        body = bytes(self._read[self._body_at : self._length])
        if _PACKED.search(head):
            body = zlib.decompress(body, _GZIP)
        return Answer(int(head[9:12]), head, body)


def _body_length(head: bytes) -> int:
    if length := _LENGTH.search(head):
        return int(length[1])
    if head[9:12] in {b"204", b"304"}:
        return 0
    raise Wrong("An answer does not say how long it is.")
