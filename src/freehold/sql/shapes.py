"""The shape of a statement: its text without any value in it, so that it can be counted and read, and tells of nobody.

Numbers and strings go, lists of them become one, comments and line breaks go. Two statements that differ only in those
have one shape, and one fingerprint.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

TEXT, NUMBER = "'?'", "0"
_TEXTS = frozenset({
    TokenType.STRING, TokenType.BIT_STRING, TokenType.HEX_STRING, TokenType.BYTE_STRING, TokenType.NATIONAL_STRING,
    TokenType.NATIONAL_RAW_STRING, TokenType.RAW_STRING, TokenType.HEREDOC_STRING, TokenType.UNICODE_STRING,
})  # fmt: skip
_LIST = re.compile(r"\(\s*('\?'|0)(?:\s*,\s*(?:'\?'|0))+\s*\)")
_ROWS = re.compile(r"\(('\?'|0)\)(?:\s*,\s*\((?:'\?'|0)\))+")
_MISSING = re.compile(r"Missing (\S+) from ")
_MASKED = (  # for a text that no tokenizer takes: rather too much goes than too little
    (re.compile(r"--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL), " "),
    (re.compile(r"'(?:[^']|'')*(?:'|\Z)"), TEXT),
    (re.compile(r"\$(\w*)\$.*?(?:\$\1\$|\Z)", re.DOTALL), TEXT),
    (re.compile(r"\b\d[\w.]*"), NUMBER),
)


def shape_of(sql: str, dialect: str) -> str:
    """Return the shape of a text, in the same dialect; it parses where the text does.

    A text that cannot be cut into words is masked by force: all that could be a value in it is gone.
    """
    return cut(sql, dialect)[0]


def cut(sql: str, dialect: str) -> tuple[str, str]:
    """Return the shape of a text, and what keeps it from being cut into words; that is empty where nothing does.

    What a shape says that was masked by force may be otherwise in the text: a quote that is not closed has much in it.
    """
    try:
        tokens = _dialect(dialect).tokenize(sql)
    except (SqlglotError, RecursionError) as error:
        return _masked(sql), _why(error)
    parts: list[str] = []
    for before, token in zip([None, *tokens], tokens, strict=False):
        if before is not None and token.start > before.end + 1:
            parts.append(" ")
        parts.append(_told(before, token, sql))
    return _ROWS.sub(r"(\1)", _LIST.sub(r"(\1)", "".join(parts))), ""


def _why(error: Exception) -> str:
    """Return why a text is no row of words, without a word of it: it may hold values."""
    missing = _MISSING.match(str(error.__cause__))
    return f"{missing[1]} is not closed" if missing else "it cannot be cut into words"


def fingerprint_of(shape: str) -> str:
    """Return 16 digits that stand for a shape, whatever the case of its letters."""
    return hashlib.sha256(shape.casefold().encode()).hexdigest()[:16]


@lru_cache(maxsize=16)
def _dialect(name: str) -> Dialect:
    return Dialect.get_or_raise(name)


def _told(before: Token | None, token: Token, sql: str) -> str:
    if token.token_type in _TEXTS:
        return TEXT
    if token.token_type is TokenType.NUMBER:
        return "" if _is_numbered(before, token) else NUMBER
    if token.token_type is TokenType.PARAMETER and sql[token.end + 1 : token.end + 2].isdigit():
        return TEXT
    return sql[token.start : token.end + 1]


def _is_numbered(before: Token | None, token: Token) -> bool:
    """Whether a number is that of a placeholder, as in `$1`: a value that stands elsewhere."""
    return before is not None and before.token_type is TokenType.PARAMETER and before.end + 1 == token.start


def _masked(sql: str) -> str:
    for pattern, put in _MASKED:
        sql = pattern.sub(put, sql)
    return " ".join(sql.split())
