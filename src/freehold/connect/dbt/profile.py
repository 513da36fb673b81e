"""The profile that dbt connects by when we call it: to the very warehouse we publish in, in a schema of its own.

It is made for one call, in a folder of ours; the project and the profiles of its team are left as they are. A password
goes by the environment of the child, never by a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from freehold.foundation import Exit, FreeholdError, Where

NAME = "freehold"
_SECRET = "DBT_ENV_SECRET_FREEHOLD_PASSWORD"  # dbt keeps what begins so out of its logs
_OF_POSTGRES = {
    *("sslmode", "sslcert", "sslkey", "sslrootcert", "connect_timeout", "keepalives_idle", "role"),
    "search_path",
}


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a warehouse: its URL, and its settings with the password in hand."""

    url: str
    root: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    where: Where | None = None

    @property
    def dialect(self) -> str:
        """The dialect of the warehouse, as sqlglot names it."""
        return self.url.partition(":")[0].replace("postgresql", "postgres")

    @property
    def file(self) -> Path | None:
        """The file of an embedded warehouse."""
        rest = self.url.removeprefix("duckdb:")
        if rest == self.url or rest in ("", "//", "///", "///:memory:"):
            return None
        return Path(rest[3:]) if rest.startswith("////") else self.root / rest.removeprefix("///")


@dataclass(frozen=True, slots=True)
class Profile:
    """The text of a profiles.yml, and the variables it asks for."""

    text: str
    environ: Mapping[str, str]


def profile(connection: Connection, schema: str, target: str, more: Mapping[str, Any]) -> Profile:
    """Return the profile for a call.

    Args:
        connection: of the environment that is built for.
        schema: where dbt writes.
        target: the name that models see.
        more: what the estate adds to it.

    Raises:
        FreeholdError: FH-X124 dbt cannot be called for such a warehouse.
    """
    import yaml

    scheme = connection.url.partition(":")[0]
    made = _OUTPUTS.get(scheme)
    if made is None:
        known = ", ".join(sorted(_OUTPUTS))
        raise FreeholdError(
            "FH-X124",
            f"dbt is not called for a `{scheme}` warehouse.",
            where=connection.where,
            fix=f"Have it build in one of: {known}; products elsewhere stay in mode check.",
            exit_code=Exit.USAGE,
        )
    output, environ = made(connection)
    output = {"threads": 4, **output, **more, "schema": schema}
    said = {NAME: {"target": target, "outputs": {target: output}}}
    return Profile(yaml.safe_dump(said, sort_keys=False, allow_unicode=True), environ)


def _duckdb(connection: Connection) -> tuple[dict[str, Any], dict[str, str]]:
    return {"type": "duckdb", "path": str(connection.file) if connection.file else ":memory:"}, {}


def _postgres(connection: Connection) -> tuple[dict[str, Any], dict[str, str]]:
    parts = urlsplit(connection.url)
    asked = dict(parse_qsl(parts.query))
    password = connection.settings.get("password") or (unquote(parts.password) if parts.password else "")
    output: dict[str, Any] = {
        "type": "postgres",
        "host": parts.hostname or asked.get("host") or "localhost",
        "port": parts.port or int(asked.get("port") or 5432),
        "user": unquote(parts.username or "") or asked.get("user") or "postgres",
        "password": f"{{{{ env_var('{_SECRET}') }}}}",
        "dbname": unquote(parts.path.lstrip("/")) or asked.get("dbname") or "postgres",
    }
    output |= {name: value for name, value in asked.items() if name in _OF_POSTGRES}
    for number in ("connect_timeout", "keepalives_idle"):
        if number in output:
            output[number] = int(output[number])
    return output, {_SECRET: str(password)}


_OUTPUTS: Mapping[str, Callable[[Connection], tuple[dict[str, Any], dict[str, str]]]] = {
    "duckdb": _duckdb,
    "postgresql": _postgres,
    "postgres": _postgres,
}
