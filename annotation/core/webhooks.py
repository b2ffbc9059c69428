"""Where a webhook may go, how it is signed, and when it is tried again.

Sources: RFC 2104 for HMAC; RFC 6890 for addresses that are not public; RFC 6052, 3056 and 4380 for
IPv6 addresses that stand for one of IPv4.
"""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from annotation.core.errors import Invalid

LONGEST = 500
MOST_TRIES = 8
LONGEST_WAIT = timedelta(hours=1)
PORTS = {"http": 80, "https": 443}
TRANSLATED = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class WebhookAddress:
    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The name that the server knows itself by, with its port where it is not the usual."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS[self.scheme] else f"{name}:{self.port}"

    def at(self, address: str) -> str:
        """The same place, asked for at a numeric address that was checked."""
        name = f"[{address}]" if ":" in address else address
        return f"{self.scheme}://{name}:{self.port}{self.path}"


def webhook_address(url: str) -> WebhookAddress:
    """The parts of an address. Raises Invalid for what nothing can be posted to."""
    if len(url) > LONGEST:
        raise _refused(f"An address has at most {LONGEST} characters.")
    if any(ord(character) <= 32 or ord(character) == 127 for character in url):
        raise _refused("An address holds no spaces or control characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode() if parts.hostname else ""
    except ValueError as error:
        raise _refused("This is no address of a web server.") from error
    if parts.scheme not in PORTS or not host:
        raise _refused("Give an address that begins with https:// or http://.")
    if parts.username is not None or parts.password is not None:
        raise _refused("Put no user name or password into the address: messages are signed.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebhookAddress(parts.scheme, host, port or PORTS[parts.scheme], path)


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the public internet, whatever it is wrapped in."""
    try:
        found = ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    inner = _inner(found) if isinstance(found, IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    return found.is_global and not found.is_multicast


def signature(secret: str, *, timestamp: int, body: bytes) -> str:
    """HMAC-SHA256 of the timestamp, a point and the body, in hexadecimal digits."""
    signed = f"{timestamp}.".encode() + body
    return "sha256=" + hmac.new(secret.encode(), signed, sha256).hexdigest()


def wait_after(tries: int) -> timedelta:
    """One minute after the first try, twice as long after each further one, an hour at most."""
    return min(timedelta(minutes=2 ** (max(tries, 1) - 1)), LONGEST_WAIT)


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The address of IPv4 that one of IPv6 stands for, if it does."""
    if address in TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour


def _refused(message: str) -> Invalid:
    return Invalid(message, field="webhook_url")
