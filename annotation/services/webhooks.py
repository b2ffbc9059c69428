"""Posting to an address that somebody typed in: never to what only this machine can reach.

The name is resolved once, every address that it has is checked, and the connection goes to a
checked one: a name that answers differently a moment later leads nowhere else.
"""

import socket
import ssl
from collections.abc import Mapping

from django.conf import settings

from annotation.core.errors import Invalid, Unavailable
from annotation.core.webhooks import WebhookAddress, is_public

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0
NOT_PUBLIC = "Messages go to public addresses only; this one is not."
HINT = "Whoever operates this installation can allow others with ALIGNUI_WEBHOOKS_PRIVATE."


def check_reachable(address: WebhookAddress) -> None:
    """Raises Invalid for an address that is not public by its looks, without asking anybody."""
    if settings.WEBHOOKS_PRIVATE:
        return
    is_number = address.host.replace(".", "").isdigit() or ":" in address.host
    is_local = address.host == "localhost" or address.host.endswith((".localhost", ".local"))
    if is_local or (is_number and not is_public(address.host)):
        raise Invalid(NOT_PUBLIC, field="webhook_url", hint=HINT)


def webhook_post(address: WebhookAddress, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of the answer, whatever it is; redirects are not followed, answers not read.

    Raises Invalid where the address is not public, Unavailable where nobody answers.
    """
    import httpx

    where = _resolved(address)
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    try:
        with httpx.Client(
            timeout=timeout, follow_redirects=False, trust_env=False,
            verify=ssl.create_default_context(),
        ) as client:  # fmt: skip
            request = client.build_request(
                "POST", address.at(where), content=body,
                headers={**headers, "Host": address.host_header},
                extensions={"sni_hostname": address.host},
            )  # fmt: skip
            answer = client.send(request, stream=True)
            answer.close()
            return answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise Unavailable(f"No answer: {type(error).__name__}: {error}") from error


def _resolved(address: WebhookAddress) -> str:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"The name {address.host} leads nowhere: {error}") from error
    numbers = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not settings.WEBHOOKS_PRIVATE and not all(is_public(number) for number in numbers):
        raise Invalid(NOT_PUBLIC, field="webhook_url", hint=HINT)
    return numbers[0]
