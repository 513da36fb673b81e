"""`freehold mcp`: what an agent on this machine starts to ask the estate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from freehold.cli.opened import environment
from freehold.cli.output import as_json, emit


@click.command(epilog="Example: freehold mcp --json > .mcp.json")
@environment
@as_json
@click.pass_obj
def mcp(start: str | None, env: str | None, as_json: bool) -> None:
    """Answer an agent by the Model Context Protocol, over standard input and output.

    An agent starts this itself; it sees what you see, and changes nothing. The tools are those of a server at `/mcp`.
    Ends when the agent closes the stream. With --json it answers nobody, and prints how agents are told to start it.
    """
    from freehold.estate import find_estate

    root = find_estate(Path(start) if start else None)
    if as_json:
        emit(_told(root, env))
        return
    from freehold.server.agents.stdio import serve_streams

    serve_streams(root, env)


def _told(root: Path, env: str | None) -> dict[str, Any]:
    """Return what the file says in which hosts of agents read what to start."""
    path = root.resolve()
    beside = Path(sys.executable).with_name("freehold")
    arguments = ["-C", str(path), "mcp", *(("--env", env) if env else ())]
    return {"mcpServers": {path.name: {"command": str(beside), "args": arguments}}}
