"""The query tag: who asks, why and in which run, said inside every statement, so that the engine's own logs know."""

from __future__ import annotations

import json
from collections.abc import Mapping

from freehold.foundation import Caller


def query_tag(caller: Caller, tag: Mapping[str, str]) -> str:
    """Return the tag as a comment that holds one JSON object.

    Stars are escaped as JSON allows, so that nothing in it can end the comment, or open another inside it.
    """
    said = {"app": "freehold", "caller": caller.principal, "purpose": caller.purpose, **tag}
    return "/* " + json.dumps(said, separators=(",", ":")).replace("*", "\\u002a") + " */"


def tagged(sql: str, tag: str) -> str:
    """Return a statement with its tag at the end: DuckDB 2 drops comments that stand before a statement.

    On a line of its own, so that a line comment at the end of the statement does not swallow it.
    """
    return f"{sql}\n{tag}"
