"""The description of the API, OpenAPI 3.1: the same text for the same API, and no word that is not kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from freehold import __version__
from freehold.server.api.model import WRONG

_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of Freehold: `Authorization: Bearer fh_user_…`. `freehold token create` makes one.",
}
_LIMITS = {
    "RateLimit-Policy": {
        "description": "How often an asker may ask: a number `q` in `w` seconds.",
        "schema": {"type": "string"},
    },
    "RateLimit": {"description": "How often still, `r`, until `t` seconds are over.", "schema": {"type": "string"}},
}


def described(app: FastAPI) -> dict[str, Any]:
    """Return the description of an API; made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=__version__,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            servers=app.servers,
        )
        made["components"]["securitySchemes"] = {"token": _SCHEME}
        made["security"] = [{"token": []}]
        made["components"]["responses"] = {_named(code): _problem(told) for code, told in WRONG.items()}
        for operation in (one for path in made["paths"].values() for one in path.values()):
            operation["responses"] = dict(_responses(operation["responses"]))
        _leave_out(app, made)
        for name in ("HTTPValidationError", "ValidationError"):
            made["components"]["schemas"].pop(name, None)
        app.openapi_schema = made
    return app.openapi_schema


def _leave_out(app: FastAPI, made: dict[str, Any]) -> None:
    """Take out of the schemas what operations leave out of their answers."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.response_model_exclude:
            method = min(route.methods or ()).lower()
            told = made["paths"][route.path_format][method]["responses"]["200"]["content"]["application/json"]["schema"]
            schema = made["components"]["schemas"][told["$ref"].rpartition("/")[2]]
            for name in route.response_model_exclude:
                schema["properties"].pop(name, None)
            schema["required"] = [name for name in schema.get("required", ()) if name in schema["properties"]]


def _responses(said: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what may come of an operation; problems are described once for all."""
    for code, response in said.items():
        if int(code) in WRONG:
            yield code, {"$ref": f"#/components/responses/{_named(int(code))}"}
        elif code != "422":  # what is not well formed is a problem like all others, with 400
            yield code, response | {"headers": _LIMITS | response.get("headers", {})}


def _named(code: int) -> str:
    return f"Problem{code}"


def _problem(told: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": told, "content": {"application/problem+json": {"schema": schema}}}


def document() -> str:
    """Return the description as a file holds it."""
    from freehold.server.api import api

    return json.dumps(described(api(None)), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
