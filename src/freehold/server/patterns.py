"""Which route a request takes, by its whole pattern: `/api/v1/products/{id}`, also of what is refused before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Match, Mount

if TYPE_CHECKING:
    from starlette.types import Scope


def taken(routes: Sequence[BaseRoute], scope: Scope, root: str = "") -> tuple[str, bool]:
    """Return the pattern of the route of a path, empty where there is none; and whether it takes the method.

    `root` is the prefix below which the routes are mounted.
    """
    asked = {"type": "http", "path": scope["path"], "root_path": root, "method": scope["method"], "headers": []}
    return _taken(routes, asked)


def _taken(routes: Sequence[BaseRoute], scope: Scope, before: str = "") -> tuple[str, bool]:
    other = ""
    for route in routes:
        match, inner = route.matches(scope)
        if match is Match.NONE:
            continue
        if isinstance(route, Mount):
            pattern, takes = _taken(route.routes, {**scope, **inner}, before + route.path)
        else:
            pattern, takes = before + str(getattr(route, "path", "")), match is Match.FULL
        if takes:
            return pattern, True
        other = other or pattern
    return other, False
