"""Secrets: references resolved late, never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.foundation import FreeholdError, Where
from freehold.foundation.secrets import Secret, holds_a_secret, is_reference, names_a_secret, resolve, resolved


def test_from_the_environment_and_from_a_file(tmp_path: Path) -> None:
    """Both kinds of reference give the secret; the newline at the end of a file is no part of it."""
    (tmp_path / "token").write_text("hunter2\n")

    assert resolve("env:DB", environ={"DB": "hunter1"}).reveal() == "hunter1"
    assert resolve("file:token", root=tmp_path).reveal() == "hunter2"
    assert resolve(f"file:{tmp_path}/token", root="/elsewhere").reveal() == "hunter2"


def test_a_secret_shows_only_where_it_came_from() -> None:
    """Printing, formatting and representing a secret show its reference."""
    secret = Secret("env:DB", "hunter2")

    assert f"{secret} {secret!r} {[secret]}" == "Secret(env:DB) Secret(env:DB) [Secret(env:DB)]"


@pytest.mark.parametrize(
    ("reference", "tried"),
    [
        ("env:NOT_SET", "the environment variable `NOT_SET` is not set"),
        ("env:EMPTY", "the environment variable `EMPTY` is empty"),
        ("file:missing", "cannot be read (No such file or directory)"),
        ("file:empty", "is empty"),
        ("file:binary", "it is not UTF-8 text"),
    ],
)
def test_a_missing_secret_tells_what_was_tried(reference: str, tried: str, tmp_path: Path) -> None:
    """The error names the reference and what was tried, and ends with the exit code of the environment."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(FreeholdError) as caught:
        resolve(reference, environ={"EMPTY": ""}, root=tmp_path, where=Where("estate.yaml", 7, 3))

    assert tried in caught.value.problem
    assert reference in caught.value.problem
    assert (caught.value.code, caught.value.exit_code, str(caught.value.where)) == ("FH-S002", 3, "estate.yaml:7:3")


def test_what_is_no_reference_is_not_repeated() -> None:
    """A password where a reference should be does not appear in the error."""
    with pytest.raises(FreeholdError) as caught:
        resolve("hunter2")

    assert (caught.value.code, "hunter2" in str(caught.value)) == ("FH-S001", False)


def test_settings_are_resolved_one_by_one() -> None:
    """References are replaced by what they name; all else stays as it is."""
    said = {"password": "env:DB", "host": "db", "port": 5432, "ssl": True}

    assert {k: resolved(v, environ={"DB": "x"}) for k, v in said.items()} == {**said, "password": "x"}


@pytest.mark.parametrize("field", ["password", "api_key", "clientSecret", "TOKEN", "private-key", "key", "authToken"])
def test_names_that_hold_secrets(field: str) -> None:
    """The last word of a name tells; its case and its joints do not matter."""
    assert names_a_secret(field)
    assert holds_a_secret(field, "hunter2")
    assert holds_a_secret(field, 1234)
    assert not holds_a_secret(field, "env:NAME")
    assert not holds_a_secret(field, None)


@pytest.mark.parametrize("field", ["keyword", "primaryKeyPosition", "secretary", "tokens_used", "monkey", "user"])
def test_names_that_do_not(field: str) -> None:
    """Words that only contain such a word hold no secret."""
    assert not holds_a_secret(field, "hunter2")


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql://ana:hunter2@db/x", True), ("postgresql://ana@db/x", False), ("https://localhost:5432/x", False),
        ("duckdb:///a.db", False), ("slack:#sales", False), ("https://example.org/a:b@c", False),
    ],
)  # fmt: skip
def test_passwords_in_urls(url: str, secret: bool) -> None:
    """A URL holds a secret when there is a password before its host."""
    assert holds_a_secret("url", url) is secret


@given(st.text(max_size=20))
def test_a_reference_is_a_reference_whatever_follows(text: str) -> None:
    """What is taken for a reference never makes `resolve` call it none."""
    if is_reference(text):
        with pytest.raises(FreeholdError, match="not there"):
            resolve(text, environ={}, root="/nowhere/at/all")
