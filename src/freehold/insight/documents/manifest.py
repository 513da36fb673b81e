"""The manifest of an edition: all it was made from, by hash, so that anybody can make it again and compare."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from freehold.foundation import Exit, FreeholdError
from freehold.ledger.canonical import canonical


def digest(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class FactHash:
    """What a fact asked, what came of it, and how many rows that were."""

    query: str
    rows: str
    count: int
    instrumented: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an edition was made from.

    Attributes:
        seq: the last sealed event that counted; as_of: the moment of knowledge.
        template: the hash of the document's file, front matter and text.
        narrative: the hash of each part that a person wrote.
        files: the hash of each form it was written in.
        freehold: the version that wrote it.
        packed: the hash of the events that its package holds; empty where it packs none.
    """

    document: str
    edition: str
    seq: int
    as_of: datetime
    env: str
    timezone: str
    parameters: Mapping[str, str]
    template: str
    facts: Mapping[str, FactHash]
    narrative: Mapping[str, str]
    files: Mapping[str, str]
    freehold: str
    packed: str = ""

    @property
    def hash(self) -> str:
        """The SHA-256 of the manifest, which is what a person signs."""
        return digest(canonical(self.to_json()))

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as plain JSON."""
        said = {**asdict(self), "as_of": self.as_of.isoformat().replace("+00:00", "Z")}
        return said if self.packed else {key: value for key, value in said.items() if key != "packed"}

    def text(self) -> str:
        """Return the manifest as its file has it."""
        return json.dumps(self.to_json(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def manifest_from(text: str, name: str) -> Manifest:
    """Read a manifest.

    Raises:
        FreeholdError: FH-O108 it is none; `name` is what it is called to the reader.
    """
    try:
        said = json.loads(text)
        facts = {fact: FactHash(**told) for fact, told in said.pop("facts").items()}
        as_of = datetime.fromisoformat(said.pop("as_of"))
        return Manifest(**said, facts=facts, as_of=as_of)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FreeholdError(
            "FH-O108", f"`{name}` is no manifest of a document.", exit_code=Exit.USAGE,
            fix="Name the file that ends with .manifest.json, or the package that holds one.",
        ) from error  # fmt: skip


def differences(signed: Manifest, now: Manifest) -> Iterator[str]:
    """Yield what an edition that was made again has otherwise, each as a sentence; nothing where it is the same."""
    if signed.seq != now.seq:
        yield f"As of then the ledger ended with event {signed.seq:,}; now it ends with {now.seq:,}."
    for what in ("document", "edition", "env", "timezone", "as_of"):
        if (was := getattr(signed, what)) != (is_ := getattr(now, what)):
            yield f"The {what} was `{was}`; now it is `{is_}`."
    if signed.template != now.template:
        yield "The file of the document is another."
    for name in dict.fromkeys((*signed.facts, *now.facts)):
        yield from _of_fact(name, signed.facts.get(name), now.facts.get(name))
    for part in dict.fromkeys((*signed.narrative, *now.narrative)):
        if signed.narrative.get(part) != now.narrative.get(part):
            yield f"The narrative `{part}` is another."
    if signed.packed != now.packed:
        yield "The events it packs are others."
    if signed.freehold != now.freehold:
        yield f"It was written by Freehold {signed.freehold}; this is {now.freehold}."
    for form, digest in signed.files.items():
        if digest != now.files.get(form):
            yield f"The {form} it makes is another."


def _of_fact(name: str, was: FactHash | None, now: FactHash | None) -> Iterator[str]:
    if was is None or now is None:
        yield f"The fact `{name}` is {'new' if was is None else 'gone'}."
        return
    if was.query != now.query:
        yield f"The fact `{name}` asks something else."
    if was.rows != now.rows:
        yield f"The fact `{name}` has other rows: {was.count:,} then, {now.count:,} now."
