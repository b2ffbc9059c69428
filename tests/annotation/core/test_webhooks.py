import hashlib
import hmac
from datetime import timedelta

import pytest

from annotation.core.errors import Invalid
from annotation.core.webhooks import is_public, signature, wait_after, webhook_address


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.8", "172.16.3.4", "192.168.1.1", "169.254.169.254", "0.0.0.0",
        "100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1",
        "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe", "no address",
    ],
)  # fmt: skip
def test_what_is_not_the_public_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_what_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/passwd", "example.org", "https://", "http://a b.org/",
        "https://user:word@example.org/", "https://example.org:99999/", "http://[::1",
        "https://example.org/\r\nX: y", "https://" + "a" * 600 + ".org", "gopher://x", "",
    ],
)  # fmt: skip
def test_addresses_that_nothing_is_posted_to(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        webhook_address(url)
    assert refused.value.field == "webhook_url"


def test_the_parts_of_an_address() -> None:
    address = webhook_address("https://Hooks.Example.org:8443/a?b=c#d")
    assert address.host_header == "hooks.example.org:8443"
    assert address.at("93.184.216.34") == "https://93.184.216.34:8443/a?b=c"
    assert address.at("2606::1") == "https://[2606::1]:8443/a?b=c"
    assert webhook_address("http://example.org").at("1.2.3.4") == "http://1.2.3.4:80/"
    assert webhook_address("https://bücher.example/").host == "xn--bcher-kva.example"


def test_the_signature_is_what_a_receiver_computes() -> None:
    expected = hmac.new(b"secret", b'1700000000.{"a": 1}', hashlib.sha256).hexdigest()
    assert signature("secret", timestamp=1700000000, body=b'{"a": 1}') == f"sha256={expected}"


def test_waits_double_up_to_an_hour() -> None:
    waits = [wait_after(tries) for tries in range(1, 9)]
    assert waits[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert max(waits) == timedelta(hours=1)
