"""Reaching a PostgreSQL server: how its URL is shown, and what its refusals mean. No driver is imported here.

State and warehouse may both live there, in rooms that do not know each other; this is the little they share.
"""

from __future__ import annotations

import re

CONNECT_TIMEOUT_S = 10

_USER_PASSWORD = re.compile(r"(?P<head>^[a-z][a-z0-9+.-]*://[^/\s:@]*):[^/\s]*@", re.IGNORECASE)
_QUERY_PASSWORD = re.compile(r"(?P<head>[?&](?:ssl)?password=)[^&\s]*", re.IGNORECASE)
_REASONS: tuple[tuple[str, str, str], ...] = (
    (
        r"password authentication failed|no password supplied",
        "The server does not take this user with this password: {user}",
        "Give the right one by reference, `password: env:NAME`, or see to the user's rights on the server.",
    ),
    (
        r'database "(?P<name>.+?)" does not exist',
        "The server has no database `{name}`.",
        'Create it (`createdb "{name}"`), or name another one in the URL.',
    ),
    (
        r'role "(?P<name>.+?)" does not exist',
        "The server knows no user `{name}`.",
        "Name a user of the server in the URL: postgresql://user@host/database.",
    ),
    (
        r'invalid (?:connection|URI query) (?:option|parameter):? "(?P<name>.+?)"',
        "The URL has an option `{name}` that no server knows.",
        "Take it out of the URL; `sslmode`, `host` and `port` are what is usual there.",
    ),
    (
        r"no pg_hba\.conf entry",
        "The server lets nobody in from here under this user and database: {user}",
        "Allow it in the server's pg_hba.conf, or ask for `?sslmode=require` if it wants encryption.",
    ),
    (
        r"too many clients|remaining connection slots|too many connections",
        "The server has no connection left.",
        "Wait for others to end, or raise `max_connections` of the server.",
    ),
    (
        r"permission denied",
        "The user may not do that: {user}",
        "Grant the user CREATE on the database (`GRANT CREATE ON DATABASE … TO …`), or use another user.",
    ),
    (
        r"starting up|shutting down|terminating connection|server closed the connection|connection (?:was |is )?lost"
        r"|connection already closed|the connection is closed|bad connection",
        "The server went away.",
        "Run again when it is up; what was committed before is kept.",
    ),
    (
        r"could not translate host name|failed to resolve host|name or service not known|no such host",
        "There is no host of that name.",
        "Check the host in the URL.",
    ),
    (
        r"connection refused|no such file or directory|timeout expired|timed out|no route to host|unreachable"
        r"|connection failed|could not connect",
        "No server answers there.",
        "Start it, or check host and port in the URL (the port is 5432 unless it says another).",
    ),
)


def without_password(url: str) -> str:
    """Return a URL as it may be shown: any password in it is three stars."""
    return _QUERY_PASSWORD.sub(r"\g<head>***", _USER_PASSWORD.sub(r"\g<head>:***@", url))


def refusal(said: str) -> tuple[str, str] | None:
    """Return what a failure to reach a server means and how to mend it; None where it is about something else.

    `said` is the driver's message, which names user, host and database and never a password.
    """
    for pattern, problem, fix in _REASONS:
        if found := re.search(pattern, said, re.IGNORECASE):
            named = {name: text for name, text in found.groupdict().items() if text}
            words = {"user": _last_line(said), "name": "", **named}
            return problem.format(**words), fix.format(**words)
    return None


def _last_line(said: str) -> str:
    """Return what the server itself said, without the driver's list of addresses that it tried."""
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    last = lines[-1] if lines else said
    return last.rpartition("FATAL:")[2].strip() or last
