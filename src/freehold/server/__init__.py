"""The server: pages for people, an API for programs, over the same snapshots that commands print.

`create_app` is a pure factory: an estate's folder and settings in, an ASGI application out. What a request may see, it
sees through `snapshots`; what it may do, through the rooms below. Nothing here keeps data of its own.
"""

from __future__ import annotations

from typing import Any

_LATER = {"create_app": "application", "serve": "running", "Settings": "settings"}  # these bring Starlette with them

__all__ = ["Settings", "create_app", "serve"]


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"freehold.server.{_LATER[name]}"), name)
