"""From rows of the tables to hits: what an entry is, what state it is in, and why it was found."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from freehold.catalog.asking import Hit, Stage
from freehold.catalog.entry import Key
from freehold.catalog.happening import PERSON, since
from freehold.catalog.index import spellings, weight
from freehold.catalog.store import stamped
from freehold.catalog.words import folded, text_of, words
from freehold.ledger.event import from_micros

_MOST_COLUMNS = 8  # columns that a hit names
_ALIKE = 0.6  # from which on two words are told as spelt alike
_USUALLY = {
    Stage.NAME: "its name",
    Stage.ALIAS: "another name of it",
    Stage.WORDS: "all words are in its name",
    Stage.PREFIX: "a word of its name begins so",
    Stage.FUZZY: "its name is spelt alike",
    Stage.COLUMN: "it has a column of that name",
    Stage.CONCERN: "what it is about has the words",
    Stage.PROSE: "its description has the words",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as the tables have it, with everything that a hit tells."""

    key: Key
    title: str
    product: str
    scope: str
    domain: str
    owner: str
    description: str
    form: str
    status: str
    replaced_by: Key | None
    sunset: str
    replaced_scope: str | None
    certified_by: tuple[str, ...]
    is_certified: bool
    viewers: int | None
    tags: tuple[str, ...]
    where: str
    aliases: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    published_at: int | None
    waits: bool
    persons: int
    services: int
    signal: int

    @property
    def state(self) -> str:
        """What consumers of an asset have in front of them, as the ledger tells; empty for what is no asset of ours."""
        if self.key.kind != "asset" or self.form in ("external", "frozen"):
            return ""
        if self.published_at is None:
            return "in quarantine" if self.waits else "not published"
        return "live, newer rows in quarantine" if self.waits else "live"


_ONE = (
    "SELECT a.key, a.signal, a.title, a.product, a.scope, a.domain, a.owner, a.description, a.form, a.status, "
    "a.replaced_by, a.sunset, a.certified_by, a.is_certified, a.viewers, a.tags, a.path, a.line, "
    "CASE a.kind WHEN 'asset' THEN (SELECT published_at FROM live WHERE asset = a.id) END, "
    "a.kind = 'asset' AND EXISTS (SELECT 1 FROM waiting WHERE asset = a.id) "
    "FROM asset a WHERE a.kind = ? AND a.id = ? AND a.is_gone = 0"
)
_NAMED = "SELECT key, title, scope FROM asset WHERE kind = ? AND id = ? AND is_gone = 0"
_READERS = (
    "SELECT count(DISTINCT CASE WHEN actor_kind = ? THEN reader END), "
    "count(DISTINCT CASE WHEN actor_kind <> ? THEN reader END) FROM usage_day WHERE entry = ? AND day >= ?"
)
_REPLACEMENT = "SELECT scope FROM asset WHERE kind = ? AND id = ? AND is_gone = 0"


def rows_of(connection: sqlite3.Connection, keys: Iterable[Key]) -> dict[Key, Row]:
    """Return entries by their keys; one that is gone by now is not among them."""
    start = since(stamped(connection, "usage_until"))
    found = {}
    for key in keys:
        row = connection.execute(_ONE, key).fetchone()
        if row is not None:
            found[key] = _row(connection, key, row, start)
    return found


def scopes_of(connection: sqlite3.Connection, keys: Iterable[Key]) -> dict[Key, str]:
    """Return the scope of each entry that is there."""
    rows = ((key, connection.execute(_NAMED, key).fetchone()) for key in keys)
    return {key: str(row[2]) for key, row in rows if row is not None}


def names_of(connection: sqlite3.Connection, keys: Iterable[Key], may_see: Callable[[str], bool]) -> list[str]:
    """Return the names that entries of scopes that may be seen, and their columns, go by, in the order of the keys."""
    found: dict[str, None] = {}
    for key in keys:
        row = connection.execute(_NAMED, key).fetchone()
        if row is not None and may_see(row[2]):
            columns = connection.execute("SELECT name FROM field WHERE asset = ? AND is_gone = 0", (row[0],))
            found |= dict.fromkeys((key.id, row[1], *(name for (name,) in columns)))
    return list(found)


def _row(connection: sqlite3.Connection, key: Key, row: Sequence[object], start: str) -> Row:
    number, signal, title, product, scope, domain, owner, description, form, *more = row
    status, replaced, sunset, by, certified, viewers, *rest = more
    tags, path, line, published_at, waits = rest
    persons, services = connection.execute(_READERS, (PERSON, PERSON, str(key), start)).fetchone()
    aliases = connection.execute("SELECT name, reason FROM alias WHERE asset = ? ORDER BY name", (number,))
    columns = connection.execute("SELECT name FROM field WHERE asset = ? AND is_gone = 0 ORDER BY position", (number,))
    replacement = Key.of(str(replaced)) if replaced else None
    other = connection.execute(_REPLACEMENT, replacement).fetchone() if replacement else None
    return Row(
        key=key,
        title=str(title),
        product=str(product),
        scope=str(scope),
        domain=str(domain),
        owner=str(owner),
        description=str(description),
        form=str(form),
        status=str(status),
        replaced_by=replacement,
        sunset=str(sunset),
        replaced_scope=str(other[0]) if other else None,
        certified_by=_lines(by),
        is_certified=bool(certified),
        viewers=viewers if isinstance(viewers, int) else None,
        tags=_lines(tags),
        where=f"{path}:{line}" if line else str(path),
        aliases=tuple(aliases.fetchall()),
        columns=tuple(name for (name,) in columns),
        published_at=published_at if isinstance(published_at, int) else None,
        waits=bool(waits),
        persons=int(persons),
        services=int(services),
        signal=int(str(signal)),
    )


def _lines(text: object) -> tuple[str, ...]:
    return tuple(str(text).split("\n")) if text else ()


def hit_of(row: Row, score: float, text: str, asked: Sequence[str], may_see: Callable[[str], bool]) -> Hit:
    """Return a row as a hit, with the reasons for its place."""
    stage = _stage(row, score)
    reason = next(iter(_REASONS[stage](row, text, asked)), _USUALLY[stage])
    replaced_by = row.replaced_by if row.replaced_scope is not None and may_see(row.replaced_scope) else None
    return Hit(
        key=row.key,
        title=row.title,
        stage=stage,
        score=score,
        why=(reason, *_signals(row, replaced_by)),
        product=row.product,
        domain=row.domain,
        owner=row.owner,
        description=row.description,
        form=row.form,
        status=row.status,
        is_certified=row.is_certified,
        certified_by=row.certified_by,
        replaced_by=replaced_by,
        sunset=row.sunset,
        columns=_matching(row, text, asked),
        state=row.state,
        published_at=from_micros(row.published_at) if row.published_at is not None else None,
        persons=max(row.persons, row.viewers or 0),
        services=row.services,
        where=row.where,
    )


def _stage(row: Row, score: float) -> Stage:
    """Return the stage that gave a score: what is left of it without the signals of the row."""
    by_signals = math.log2(weight(row.signal, str(row.key)))
    return min(Stage, key=lambda stage: abs(stage - score / by_signals))


def _by_alias(row: Row, text: str, _: Sequence[str]) -> Iterator[str]:
    spelt = {folded(text), *spellings(text)} - {""}
    for name, reason in row.aliases:
        if spelt.intersection(spellings(name)):
            yield f"also called `{name}` ({reason})"


def _by_beginning(_: Row, __: str, asked: Sequence[str]) -> Iterator[str]:
    yield f"a word of its name begins with `{asked[-1]}`"


def _by_likeness(row: Row, _: str, asked: Sequence[str]) -> Iterator[str]:
    named = _words_of_name(row)
    alike = [_most_alike(word, named) for word in asked]
    if alike and all(alike):
        yield "its name is spelt alike: " + ", ".join(f"`{one}`" for one in alike)


def _by_column(row: Row, text: str, _: Sequence[str]) -> Iterator[str]:
    spelt = {folded(text), *spellings(text)} - {""}
    for column in row.columns:
        if spelt.intersection((*spellings(column), *spellings(f"{row.key.id}.{column}"))):
            yield f"it has the column `{column}`"


def _by_concern(row: Row, _: str, asked: Sequence[str]) -> Iterator[str]:
    concerns = {"column": text_of(row.columns), "owner": text_of((row.owner,)), "product": text_of((row.product,))}
    concerns |= {"domain": text_of((row.domain,)), "tags": text_of(row.tags)}
    said = [what for what, has in concerns.items() if not set(asked).isdisjoint(has.split())]
    if said:
        yield f"found in its {' and '.join(said)}"


def _as_usual(_: Row, __: str, ___: Sequence[str]) -> Iterator[str]:
    yield from ()


_REASONS: Mapping[Stage, Callable[[Row, str, Sequence[str]], Iterator[str]]] = {
    Stage.NAME: _as_usual,
    Stage.ALIAS: _by_alias,
    Stage.WORDS: _as_usual,
    Stage.PREFIX: _by_beginning,
    Stage.FUZZY: _by_likeness,
    Stage.COLUMN: _by_column,
    Stage.CONCERN: _by_concern,
    Stage.PROSE: _as_usual,
}


def _words_of_name(row: Row) -> frozenset[str]:
    return frozenset(text_of((row.key.id, row.title, *(name for name, _ in row.aliases))).split())


def _most_alike(word: str, named: Iterable[str]) -> str:
    """Return the word of a name that is most like one that was asked for; empty if none is."""
    return next(iter(get_close_matches(word, named, n=1, cutoff=_ALIKE)), "")


def _signals(row: Row, replaced_by: Key | None) -> Iterator[str]:
    if row.is_certified:
        yield f"certified by {' and '.join(row.certified_by)}" if row.certified_by else "certified"
    if row.status == "deprecated":
        until = f", until {row.sunset}" if row.sunset else ""
        yield f"deprecated{until}{f': use {replaced_by.id}' if replaced_by else ''}"
    elif replaced_by is not None:
        yield f"replaced by {replaced_by.id}"
    if row.persons:
        yield f"read by {row.persons:,} {'person' if row.persons == 1 else 'people'} in 30 days"
    if row.waits:
        yield "newer rows are in quarantine"


def _matching(row: Row, text: str, asked: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that have a word that was asked for, those with all of them first."""
    wanted, last = set(asked), words(text)[-1:]
    found = [c for c in row.columns if wanted.intersection(words(c))]
    if last:
        found += [c for c in row.columns if c not in found and any(w.startswith(last[0]) for w in words(c))]
    return tuple(sorted(found, key=lambda c: -len(wanted.intersection(words(c))))[:_MOST_COLUMNS])
