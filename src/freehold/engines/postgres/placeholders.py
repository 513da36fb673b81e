"""Parameters are `?` in every statement of ours; PostgreSQL counts them: `$1`, `$2` …"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import count

# What a question mark may stand in without being a parameter: texts, names, comments, dollar-quoted texts.
_PARTS = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|(?P<tag>\$[A-Za-z_]*\$).*?(?P=tag)|(?P<mark>\?)", re.DOTALL
)


@lru_cache(maxsize=512)
def numbered(sql: str) -> str:
    """Return a statement with its question marks counted."""
    numbers = count(1)
    return _PARTS.sub(lambda found: f"${next(numbers)}" if found["mark"] else found[0], sql)
