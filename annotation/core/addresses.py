"""E-mail addresses as somebody pastes them: one a line, or several with commas or semicolons."""

import re

from annotation.core.errors import Invalid

MOST = 500
LONGEST = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets of a path
_NAMED = re.compile(r"^[^<>]*<([^<>]*)>$")
# What a person can mistype is caught; whether the address exists only sending can tell.
_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}")


def addresses(text: str, *, field: str = "emails") -> list[str]:
    """The addresses, each once, in the order in which they stand.

    “Nora Nagel <nora@example.org>” is read as what a mail program means by it. Two that differ only
    in capitals are one.

    Raises:
        Invalid: naming the first line that holds something else, or where there are too many.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        for part in re.split(r"[,;]", line):
            if written := part.strip():
                address = _address(written, number, field)
                found.setdefault(address.casefold(), address)
    if len(found) > MOST:
        raise Invalid(
            f"These are {len(found):,} addresses; at most {MOST} can be invited at once.",
            field=field,
        )
    return list(found.values())


def _address(written: str, number: int, field: str) -> str:
    named = _NAMED.match(written)
    address = (named[1] if named else written).strip()
    if len(address) > LONGEST or not _ADDRESS.fullmatch(address):
        raise Invalid(
            f"Line {number}: “{written[:80]}” is no e-mail address.",
            field=field,
            hint="Nobody was invited. Correct the line and send the list again.",
        )
    return address
