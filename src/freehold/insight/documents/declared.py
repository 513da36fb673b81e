"""The registry of documents: files of kind Document, those that ship and those of an estate, read and judged.

A document is Markdown whose front matter says for whom it is, what is asked when it is written (`parameters`), and the
facts it stands on; below stands the template that sets them in words. Facts are computed before a word is written.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, Where, near

if TYPE_CHECKING:
    from freehold.estate.document import Document
    from freehold.estate.model import Estate, Resource
    from freehold.sql.kernel import Place

BUILTIN = Path(__file__).parents[2] / "builtin" / "documents"


@dataclass(frozen=True)
class Fact:
    """One thing a document stands on: KPIs, a query over evidence, a list of the applied estate, or one of its item.

    `place` gives the place of a sign of its query by its offset; `titles` is the column of its rows that holds
    work items, whose titles are put beside them, `words` the one that holds free text by its id; empty: none.
    """

    name: str
    where: Where
    kpis: tuple[str, ...] = ()
    sql: str = ""
    place: Place | None = field(default=None, compare=False)
    needs: tuple[str, ...] = ()
    titles: str = ""
    words: str = ""
    estate: str = ""
    item: str = ""


@dataclass(frozen=True)
class DocumentFile:
    """A document as its file declares it.

    Attributes:
        periods: the calendars its period may be of; empty where it has none.
        is_of_product: whether it is written of one product, from that product's evidence alone.
        items: the types of work items of one of which it is written; empty where it is of none.
        is_of_case: whether it is written of one investment case.
        choices: its other parameters, each with the words it takes, the default first.
        narrative: what a person writes, each part with what it is to answer.
        packed: the types of events that are packed beside it with their proof.
        text: the template, as far down as it stands in its file, so that lines count as there.
    """

    id: str
    name: str
    audience: str
    facts: Mapping[str, Fact]
    text: str
    where: Where
    document: Document = field(repr=False, compare=False)
    description: str = ""
    owner: str | None = None
    tags: tuple[str, ...] = ()
    cadence: str = "on demand"
    periods: tuple[str, ...] = ()
    is_of_product: bool = False
    items: tuple[str, ...] = ()
    is_of_case: bool = False
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    narrative: Mapping[str, str] = field(default_factory=dict)
    packed: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of what is asked when it is written."""
        return (*(("period",) if self.periods else ()), *self.subjects, *self.choices)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names of what it is written of, one at a time: `product`, `item`, `case`."""
        named = {"product": self.is_of_product, "item": bool(self.items), "case": self.is_of_case}
        return tuple(name for name, is_asked in named.items() if is_asked)


def builtin_documents() -> Mapping[str, DocumentFile]:
    """Return the documents that ship with Freehold, by id."""
    return _shipped()


def documents_of(estate: Estate | None) -> Mapping[str, DocumentFile]:
    """Return the documents of an estate: its own, and those that ship; its own come first where ids are the same."""
    own = (
        {id_: document_from(estate.resources[kind, id_]) for kind, id_ in estate.resources if kind == "Document"}
        if estate
        else {}
    )
    return ChainMap(own, _shipped())  # type: ignore[arg-type]  # the last map of a chain is only read


def document_named(documents: Mapping[str, DocumentFile], id: str) -> DocumentFile:
    """Return the document of an id.

    Raises:
        FreeholdError: FH-O101 there is none.
    """
    if id not in documents:
        fix = near(id, documents) or f"There are: {', '.join(sorted(documents))}."
        raise FreeholdError("FH-O101", f"There is no document `{id}`.", fix=fix, exit_code=Exit.USAGE)
    return documents[id]


@cache
def _shipped() -> Mapping[str, DocumentFile]:
    return {path.stem: _read(path) for path in sorted(BUILTIN.glob("*.md"))}


def _read(path: Path) -> DocumentFile:
    """Read a document that ships; tests judge those, so that readers need not."""
    from freehold.estate.kinds import written_from
    from freehold.estate.loading import documents_of as front_matter
    from freehold.estate.loading import text_below

    content, shown = path.read_bytes(), f"builtin/documents/{path.name}"
    return document_from(written_from(front_matter(content, shown)[0], text_below(content)))


def document_from(resource: Resource) -> DocumentFile:
    """Return the document that a resource of kind Document declares."""
    assert resource.document is not None
    document, said, metadata = resource.document, resource.spec, resource.metadata
    parameters: dict[str, Any] = dict(said.get("parameters") or {})
    facts = {name: _fact(document, name, fact) for name, fact in said["facts"].items()}
    return DocumentFile(
        id=resource.id,
        name=str(metadata.get("name", resource.id)),
        audience=said["audience"],
        facts=facts,
        text=said["text"],
        where=resource.where,
        document=document,
        description=str(metadata.get("description", "")),
        owner=metadata.get("owner"),
        tags=tuple(metadata.get("tags", ())),
        cadence=said.get("cadence", "on demand"),
        periods=tuple(parameters.pop("period", ())),
        is_of_product=parameters.pop("product", None) is not None,
        items=tuple(parameters.pop("item", ())),
        is_of_case=parameters.pop("case", None) is not None,
        choices={name: tuple(words) for name, words in parameters.items()},
        narrative=dict(said.get("narrative") or {}),
        packed=tuple(said.get("ledger", ())),
    )


def _fact(document: Document, name: str, said: Mapping[str, Any]) -> Fact:
    kind = next(key for key in ("kpis", "sql", "estate", "item") if key in said)
    return Fact(
        name,
        document.where("spec", "facts", name, kind),
        kpis=tuple(said.get("kpis", ())),
        sql=str(said.get("sql", "")),
        place=document.place("spec", "facts", name, kind),
        needs=tuple(said.get("needs", ())),
        titles=str(said.get("titles", "")),
        words=str(said.get("words", "")),
        estate=str(said.get("estate", "")),
        item=str(said.get("item", "")),
    )
