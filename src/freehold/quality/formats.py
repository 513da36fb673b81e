"""Formats and patterns a contract may name, and what they come to."""

from __future__ import annotations

import re

_HEX = "[0-9a-fA-F]"
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

# Deliberately plain: a format says what kind of text this is, not that a mail server would accept it.
FORMATS = {
    "email": r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$",
    "uuid": rf"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$",
    "ipv4": rf"^({_OCTET}\.){{3}}{_OCTET}$",
    "ipv6": rf"^({_HEX}{{0,4}}:){{2,7}}{_HEX}{{0,4}}$",
    "uri": r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$",
    "hostname": r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$",
    "byte": r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
}

# JDK DateTimeFormatter letters to strptime directives, longest first.
_DIRECTIVES = (
    ("yyyy", "%Y"), ("uuuu", "%Y"), ("yy", "%y"), ("MMMM", "%B"), ("MMM", "%b"), ("MM", "%m"), ("dd", "%d"),
    ("HH", "%H"), ("hh", "%I"), ("mm", "%M"), ("ssssss", "%f"), ("ss", "%S"), ("SSSSSS", "%f"), ("SSS", "%g"),
    ("a", "%p"), ("XXX", "%z"), ("Z", "%z"),
)  # fmt: skip


def strptime_of(layout: str) -> str | None:
    """Return a JDK date format as a strptime one, or None if it says something strptime cannot."""
    out, rest = "", layout
    while rest:
        match = next((pair for pair in _DIRECTIVES if rest.startswith(pair[0])), None)
        quoted = re.match(r"'([^']*)'", rest)
        if match:
            out, rest = out + match[1], rest[len(match[0]) :]
        elif quoted:
            out, rest = out + quoted[1].replace("%", "%%"), rest[quoted.end() :]
        elif rest[0].isalpha():
            return None
        else:
            out, rest = out + rest[0].replace("%", "%%"), rest[1:]
    return out
