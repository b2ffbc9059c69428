"""One person's connection to web processes that may die at any moment."""

import http.client
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.cookies import SimpleCookie
from random import Random

REPLY_SECONDS = 30.0


class Lost(Exception):
    """No reply was read: what was asked for may have been done, or not."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str


class Wire:
    """Keeps one connection open, as browsers do; after a loss, goes to any of the ports."""

    def __init__(self, ports: Sequence[int], chance: Random) -> None:
        self._ports = ports
        self._chance = chance
        self._connection: http.client.HTTPConnection | None = None
        self.cookies: dict[str, str] = {}

    def send(
        self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Raises Lost when the connection ends before the whole reply was read."""
        try:
            connection = self._open()
            connection.request(method, path, body.encode(), self._headers(headers))
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Lost(str(error)) from error
        self._keep_cookies(response)
        if self._chance.random() < 0.02:
            self.close()  # the next request finds another process
        return Reply(response.status, dict(response.getheaders()), text)

    def send_and_hang_up(
        self, method: str, path: str, body: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Sends everything and closes the socket without reading: the reply is lost."""
        try:
            self._open().request(method, path, body.encode(), self._headers(headers))
            time.sleep(self._chance.choice((0.0, 0.005, 0.05)))
        except (OSError, http.client.HTTPException) as error:
            raise Lost(str(error)) from error
        finally:
            self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> http.client.HTTPConnection:
        if self._connection is None:
            port = self._chance.choice(self._ports)
            self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REPLY_SECONDS)
        return self._connection

    def _headers(self, more: Mapping[str, str] | None) -> dict[str, str]:
        headers = dict(more or {})
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        return headers

    def _keep_cookies(self, response: http.client.HTTPResponse) -> None:
        for line in response.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(line).items():
                if morsel.value and morsel["max-age"] != "0":
                    self.cookies[name] = morsel.coded_value
                else:
                    self.cookies.pop(name, None)
