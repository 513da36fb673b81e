"""Secrets are references (`env:NAME`, `file:/path`) until the moment they are used, and unreadable in every print.

Nothing here stores, logs or shows a secret; an error names what was tried, never what was found.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.foundation.errors import Exit, FreeholdError, Where

SCHEMES = ("env", "file")

_REFERENCE = re.compile(r"(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)")
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_SECRET_WORDS = frozenset({"password", "passwd", "passphrase", "token", "secret", "key", "credential", "credentials"})
_URL_PASSWORD = re.compile(r"^[a-z][a-z0-9+.-]*://[^/\s:@]*:(?P<password>[^/\s@]+)@", re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A secret that is in hand. Only `reveal` shows it; `str` and `repr` show where it came from."""

    reference: str
    _value: str

    def reveal(self) -> str:
        """Return the secret itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.reference})"

    __str__ = __repr__


def is_reference(text: object) -> bool:
    """Whether a value is a reference to a secret: `env:NAME` or `file:/path`."""
    return isinstance(text, str) and _REFERENCE.fullmatch(text) is not None


def names_a_secret(field: str) -> bool:
    """Whether a field of that name holds a secret: its last word is password, token, secret, key or the like.

    `api_key`, `clientSecret` and `PASSWORD` do; `primaryKeyPosition` and `keyword` do not.
    """
    words = _WORDS.findall(field)
    return bool(words) and words[-1].lower() in _SECRET_WORDS


def holds_a_secret(field: str, value: object) -> bool:
    """Whether a field gives a secret away: a value under a secret's name, or a URL with a password in it."""
    if isinstance(value, bool) or value is None or not isinstance(value, str | int | float):
        return False
    if names_a_secret(field):
        return not is_reference(value)
    return isinstance(value, str) and _URL_PASSWORD.match(value) is not None


def resolve(
    reference: str, *, environ: Mapping[str, str] | None = None, root: Path | str = ".", where: Where | None = None
) -> Secret:
    """Fetch the secret a reference names. Call it as late as possible.

    Args:
        reference: `env:NAME` or `file:path`; a relative path is relative to `root`.
        environ: the environment variables to look in; the process's own by default.
        root: the folder of the estate.
        where: the place of the reference, for the error.

    Raises:
        FreeholdError: FH-S001 the text is no reference (it is not repeated); FH-S002 nothing is there, saying what was
            tried.
    """
    if not is_reference(reference):
        raise FreeholdError(
            "FH-S001",
            "This is no reference to a secret.",
            where=where,
            fix="Write env:NAME or file:/path, and put the secret there.",
            exit_code=Exit.USAGE,
        )
    scheme, _, place = reference.partition(":")
    return (
        _from_environment(place, os.environ if environ is None else environ, where)
        if scheme == "env"
        else (_from_file(place, Path(root), where))
    )


def resolved(
    value: Any, where: Where | None = None, *, environ: Mapping[str, str] | None = None, root: Path | str = "."
) -> Any:
    """Return a setting as an engine needs it, at the last moment: what a reference names, anything else as it is.

    Raises:
        FreeholdError: FH-S002 the reference names nothing; see `resolve`.
    """
    return resolve(value, environ=environ, root=root, where=where).reveal() if is_reference(value) else value


def _from_environment(name: str, environ: Mapping[str, str], where: Where | None) -> Secret:
    value = environ.get(name)
    if not value:
        state = "is empty" if name in environ else "is not set"
        raise _missing(f"env:{name}", f"the environment variable `{name}` {state}", f"export {name}=…", where)
    return Secret(f"env:{name}", value)


def _from_file(place: str, root: Path, where: Where | None) -> Secret:
    path = root / place
    try:
        # Files made by an editor or `echo` end with a newline that is no part of the secret.
        value = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise _missing(f"file:{place}", f"`{path}` cannot be read ({reason})", f"write it to {path}", where) from error
    if not value:
        raise _missing(f"file:{place}", f"`{path}` is empty", f"write it to {path}", where)
    return Secret(f"file:{place}", value)


def _missing(reference: str, tried: str, remedy: str, where: Where | None) -> FreeholdError:
    return FreeholdError(
        "FH-S002",
        f"The secret `{reference}` is not there: {tried}.",
        where=where,
        fix=f"Provide it ({remedy}), or change the reference.",
        exit_code=Exit.ENVIRONMENT,
    )
