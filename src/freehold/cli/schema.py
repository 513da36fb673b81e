"""`freehold schema`: the JSON Schema of a kind of file, so that editors complete and check while one types."""

from __future__ import annotations

import json

import click

from freehold.cli.output import as_json, emit, table


@click.command(
    epilog="Example: freehold schema DataContract > .schemas/contract.json, and in the first line of a contract "
    "`# yaml-language-server: $schema=…`",
)
@click.argument("kind", required=False)
@as_json
def schema(kind: str | None, as_json: bool) -> None:
    """Print the JSON Schema of a KIND of file; without KIND, list the kinds."""
    from freehold.estate import KINDS, json_schema

    if kind is not None:
        click.echo(json.dumps(json_schema(kind), indent=2, ensure_ascii=False))
    elif as_json:
        emit({"kinds": [{"kind": name, "meaning": meaning} for name, meaning in KINDS.items()]})
    else:
        table([(name, meaning) for name, meaning in KINDS.items()], ("Kind", "What it is"))
