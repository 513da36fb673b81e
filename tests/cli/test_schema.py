"""`freehold schema`: schemas for editors."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from freehold.cli.schema import schema
from freehold.estate import KINDS
from freehold.foundation import FreeholdError


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_of_each_kind_is_printed(kind: str) -> None:
    """Stdout is the JSON Schema and nothing else, ready to be written to a file."""
    done = CliRunner().invoke(schema, [kind], catch_exceptions=False)

    assert done.exit_code == 0
    assert json.loads(done.stdout)["$schema"].startswith("https://json-schema.org/")


def test_the_kinds_are_listed() -> None:
    """Without a kind, the kinds and what they are; the same for machines."""
    shown = CliRunner().invoke(schema, [], catch_exceptions=False)
    listed = CliRunner().invoke(schema, ["--json"], catch_exceptions=False)

    assert all(kind in shown.stdout for kind in KINDS)
    assert [entry["kind"] for entry in json.loads(listed.stdout)["kinds"]] == list(KINDS)


def test_an_unknown_kind_is_an_error_of_usage() -> None:
    """A kind that is none names the near ones."""
    with pytest.raises(FreeholdError) as caught:
        CliRunner().invoke(schema, ["Teams"], catch_exceptions=False)

    assert (caught.value.code, caught.value.exit_code, caught.value.fix) == ("FH-V113", 2, "Did you mean `Team`?")
