"""The search index beside the catalog: one document an entry, in tantivy, thrown away and made anew at any time.

It holds the number of the last change it has applied, written in the same commit as what that change brought. Whoever
searches lets it catch up first, so that it is never behind the tables it is asked about.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.catalog.entry import OPENLINEAGE
from freehold.catalog.store import one_view, stamped
from freehold.catalog.words import folded, text_of, words

if TYPE_CHECKING:
    import tantivy

FORMAT = "2"
FOLDER = "index"
_MARK = "\0applied"
_HEAP = 64 * 1024 * 1024  # bytes of the writer, before it writes a segment
_SMALL = 15_000_000  # the least tantivy takes; enough for an update
_MANY = 2_000  # documents from which on it pays to have the larger one
_LEAST = 20  # exponent of the weight of a signal of 0; see `weight`
_LONGEST_TERM = 1_000  # characters of a name that is compared whole; tantivy refuses terms over 65,530 bytes


def schema() -> tantivy.Schema:
    """Return the fields of a document: exact names, and three circles of words, each with those of the one before.

    They are the words of its names; those of what is near to it, too (columns, owner, product, domain, tags); and those
    of its description, too. So a stage of the search reads one list for each word.
    """
    import tantivy

    made = tantivy.SchemaBuilder()
    made.add_text_field("key", stored=True, tokenizer_name="raw", index_option="basic")
    made.add_text_field("kind", tokenizer_name="raw", index_option="basic", fast=True)
    made.add_text_field("scope", tokenizer_name="raw", index_option="basic", fast=True)
    for exact in ("exact", "alias", "column"):
        made.add_text_field(exact, tokenizer_name="raw", index_option="basic")
    made.add_text_field("name", tokenizer_name="spaced", index_option="position")
    for loose in ("near", "anywhere"):
        made.add_text_field(loose, tokenizer_name="spaced", index_option="basic")
    made.add_unsigned_field("weight", fast=True)
    made.add_text_field("applied", stored=True, tokenizer_name="raw", index_option="basic")
    return made.build()


def weight(signal: int, key: str) -> int:
    """Return the number whose logarithm multiplies the score of a stage, from a signal of 0 to 200.

    It lifts a hit by a fifth at most, less than the stages are apart, and lets a digest of the name break ties, so that
    the same catalog gives the same order wherever it was built.
    """
    import zlib

    tie = (zlib.crc32(key.encode("utf-8", "surrogatepass")) % 1_000) / 2_000
    return round(2 ** (_LEAST * (1 + 0.2 * (signal + tie) / 201)))


class Index:
    """The index of one catalog on disk. It may be asked from many threads; one at a time brings it up to date."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FOLDER
        self._index: tantivy.Index | None = None
        self._turn = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether it can be asked."""
        return self._index is not None

    @property
    def count(self) -> int:
        """How many entries it has."""
        return max(0, int(self.searcher().num_docs) - 1)

    @property
    def schema(self) -> tantivy.Schema:
        """The fields of its documents."""
        assert self._index is not None, "an index is opened before it is asked"
        return self._index.schema

    def searcher(self) -> tantivy.Searcher:
        """Return what answers queries, as of the last commit that this process knows of."""
        assert self._index is not None, "an index is opened before it is asked"
        return self._index.searcher()

    def applied(self) -> tuple[str, int]:
        """Return which catalog it was made from, and the last change of it that it has; `("", 0)` if it has none."""
        with self._turn:
            return self._applied()

    def _applied(self) -> tuple[str, int]:
        import tantivy

        with suppress(ValueError, OSError):  # no index, a broken one, or one of another make: it is made anew
            if self._index is None:
                if not self._path.is_dir():
                    return "", 0
                self._index = self._registered(tantivy.Index(schema(), path=str(self._path)))
            self._index.reload()
            found = self.searcher()
            hits = found.search(tantivy.Query.term_query(self._index.schema, "key", _MARK), 1).hits
            if hits:
                life, _, change = str(found.doc(hits[0][1])["applied"][0]).partition(" ")
                return life, int(change)
        return "", 0

    def catch_up(self, connection: sqlite3.Connection) -> int:
        """Apply what the tables have and the index has not; return how many documents that was.

        To be called in a turn of the store: one process writes the index at a time.
        """
        with self._turn, one_view(connection):
            life = f"{FORMAT}.{stamped(connection, 'life')}"
            change = int(stamped(connection, "change", "0"))
            before, last = self._applied()
            if (before, last) == (life, change):
                return 0
            is_new = before != life or last > change
            if is_new:
                self._make()
            return self._apply(connection, -1 if is_new else last, f"{life} {change}", is_new=is_new)

    def _make(self) -> None:
        import tantivy

        self._index = None
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.mkdir(parents=True)
        self._index = self._registered(tantivy.Index(schema(), path=str(self._path), reuse=False))

    def _registered(self, index: tantivy.Index) -> tantivy.Index:
        import tantivy

        index.register_tokenizer("spaced", tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
        return index

    def _apply(self, connection: sqlite3.Connection, after: int, mark: str, *, is_new: bool) -> int:
        import tantivy

        assert self._index is not None, "an index that is brought up to date is there"
        many = connection.execute("SELECT count(*) FROM asset WHERE changed > ?", (after,)).fetchone()[0]
        writer = self._index.writer(_HEAP * 2 if many > _MANY else _SMALL, 2 if many > _MANY else 1)
        for key, said in _documents(connection, after):
            if not is_new:
                writer.delete_documents_by_term("key", key)
            if said is not None:
                writer.add_document(tantivy.Document.from_dict(said, self.schema))
        writer.delete_documents_by_term("key", _MARK)
        writer.add_document(tantivy.Document.from_dict({"key": [_MARK], "applied": [mark]}, self.schema))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        return int(many)


def _documents(connection: sqlite3.Connection, after: int) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield the key and the document of each entry that changed; None for one that is gone."""
    rows = connection.execute(
        "SELECT key, kind, id, title, product, scope, domain, owner, description, tags, signal, is_gone FROM asset "
        "WHERE changed > ? ORDER BY key",
        (after,),
    )
    columns = _Grouped(
        connection,
        "SELECT f.asset, f.name FROM asset a JOIN field f ON f.asset = a.key "
        "WHERE a.changed > ? AND f.is_gone = 0 ORDER BY f.asset, f.position",
        after,
    )
    aliases = _Grouped(
        connection,
        f"SELECT l.asset, l.name FROM asset a JOIN alias l ON l.asset = a.key WHERE a.changed > ? "
        f"AND l.reason <> '{OPENLINEAGE}' ORDER BY l.asset",
        after,
    )
    for key, kind, id_, title, product, scope, domain, owner, description, tags, signal, is_gone in rows:
        name = f"{kind}:{id_}"
        own, others = columns.of(key), aliases.of(key)
        if is_gone:
            yield name, None
            continue
        named = text_of(dict.fromkeys((id_, title, *others)))
        concerns = (owner, product, domain, *tags.split("\n"))
        near = f"{named} {text_of((*own, *concerns))}"
        yield (
            name,
            {
                "key": [name],
                "kind": [kind],
                "scope": [scope],
                "exact": _terms((id_, id_.rpartition(".")[2], title)),
                "alias": _terms(others),
                "column": [*_terms(own), *_addresses(id_, own)],
                "name": [named],
                "near": [near],
                "anywhere": [f"{near} {text_of((description,))}"],
                "weight": [weight(signal, name)],
            },
        )


def _addresses(id_: str, columns: Iterable[str]) -> Iterator[str]:
    """Yield columns with the id before them, as they are compared whole; joined, since most columns were met before."""
    whole, parts = spellings(id_)
    for column, separate in map(spellings, columns):
        yield f"{whole}.{column}"[:_LONGEST_TERM]
        yield f"{parts} {separate}"[:_LONGEST_TERM]


def _terms(names: Iterable[str]) -> list[str]:
    """Return names as they are compared whole: as they are written, and by their words run together."""
    found = dict.fromkeys(spelt for name in names if name for spelt in spellings(name))
    return [term for term in found if term]


@lru_cache(maxsize=65_536)
def spellings(name: str) -> tuple[str, str]:
    """Return the two ways in which a name is compared whole: folded, and its words with spaces between."""
    return folded(name)[:_LONGEST_TERM], " ".join(words(name))[:_LONGEST_TERM]


class _Grouped:
    """Rows of `(key, name)` in the order of their keys, given out key by key as those are asked for in that order."""

    def __init__(self, connection: sqlite3.Connection, sql: str, after: int) -> None:
        self._rows = iter(connection.execute(sql, (after,)))
        self._next = next(self._rows, None)

    def of(self, key: int) -> list[str]:
        """Return the names of one key."""
        found: list[str] = []
        while self._next is not None and self._next[0] <= key:
            if self._next[0] == key:
                found.append(self._next[1])
            self._next = next(self._rows, None)
        return found
