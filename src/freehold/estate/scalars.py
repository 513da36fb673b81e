"""What a plain YAML word means: the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema).

`no`, `yes`, `12:30:45` and `1_000` are strings here; YAML 1.1 would read False, True, 45045 and 1000.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_MAY_BE_MORE_THAN_TEXT = frozenset("0123456789+-.~nNtTfF")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# What YAML 1.1 readers would take for something else; our writer quotes it, so that nobody misreads it.
_OTHERS_MISREAD = re.compile(
    r"(?i:y|n|yes|no|on|off)|[-+]?[0-9][0-9_,.:eE+-]*|[-+]?0b[01_]+|[-+]?0x[0-9a-fA-F_]+|[0-9]{4}-[0-9]{1,2}-.*|=|<<"
)

LONGEST_INTEGER = 1000  # digits; what lies beyond is a mistake, and costs quadratic time to read


def meaning(text: str) -> Scalar:
    """Return the value of a plain scalar.

    Raises:
        ValueError: a number of more than 1,000 digits.
    """
    if text and text[0] not in _MAY_BE_MORE_THAN_TEXT:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > LONGEST_INTEGER and _FLOAT.fullmatch(text):
        raise ValueError(f"a number of {len(text)} digits")
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    return float(text) if _FLOAT.fullmatch(text) else text


def needs_quotes(text: str) -> bool:
    """Whether a string, written plain, would be read as something else here or by a YAML 1.1 reader."""
    return meaning(text) != text or _OTHERS_MISREAD.fullmatch(text) is not None
