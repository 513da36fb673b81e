"""The staged search: an exact name first, then other names, words of names, half a name, typing errors, columns, owners
and the like, descriptions.

Each stage has one score; certification and use order hits within a stage and never across stages.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from freehold.catalog.asking import Found, Question, Stage
from freehold.catalog.entry import KINDS, Allowed, Key
from freehold.catalog.hits import hit_of, names_of, rows_of, scopes_of
from freehold.catalog.index import Index, spellings
from freehold.catalog.store import stamped
from freehold.catalog.words import asked, folded

if TYPE_CHECKING:
    import tantivy

_TIES = 32  # hits read beyond a page, so that those of equal score come in the order of their names
_FEW = 200  # hits of which it is looked up whether a caller may see them, instead of asking for what they may see
_NEAR = 5  # names that are suggested
_BEGINS_FROM = 2  # letters from which on a word may be the beginning of another
_FUZZY_FROM, _FUZZY_MORE = 4, 8  # letters from which on one, and two, typing errors are forgiven
_LOOKED_AT = 50  # entries a little like what was asked, whose names are compared
_CLOSE = 0.55  # how much alike names must be to be suggested


_Ranked = tuple[float, Key]


class Search:
    """One search: the question, the index as it is, and the tables it belongs to."""

    def __init__(self, connection: sqlite3.Connection, index: Index, scopes: Collection[str] | None) -> None:
        """Take what is searched; `scopes` are those that the caller may see, None for every one."""
        self._connection = connection
        self._index = index
        self._schema = index.schema
        self._searcher = index.searcher()
        self._scopes = scopes

    def answer(self, question: Question) -> Found:
        """Return one page of hits, or names near to what was asked where there are none."""
        words, offset = asked(question.text), question.offset()
        staged, wanted = self._staged(question.text, words), offset + question.limit
        ranked, total = self._looked_through(staged, question) or self._ranked(
            self._within(staged, question, self._scopes), wanted + _TIES
        )
        page = ranked[offset:wanted]
        rows = rows_of(self._connection, [key for _, key in page])
        # A row may have moved to another product since the index was read: what counts is where it is now.
        shown = [(rows[key], score) for score, key in page if key in rows and self._may_see(rows[key].scope)]
        hits = tuple(hit_of(row, score, question.text, words, self._may_see) for row, score in shown)
        return Found(
            hits=hits,
            total=total,
            kinds=self._kinds(question, words, [key for _, key in ranked], total),
            near=() if total else self._near(question, words),
            next=question.after(wanted) if total > wanted else "",
            change=int(stamped(self._connection, "change", "0")),
            ledger_seq=int(stamped(self._connection, "ledger_seq", "0")),
        )

    def _looked_through(self, staged: tantivy.Query, question: Question) -> tuple[list[_Ranked], int] | None:
        """Return what a caller who may not see everything may see of a few hits, and how many that are.

        None where there are many, or all may be seen: of many products the index takes longer to compare the names than
        to find a hundred hits.
        """
        if self._scopes is None:
            return None
        ranked, total = self._ranked(self._within(staged, question, None), _FEW)
        if total > _FEW:
            return None
        seen = scopes_of(self._connection, [key for _, key in ranked])
        ranked = [(score, key) for score, key in ranked if key in seen and self._may_see(seen[key])]
        return ranked, len(ranked)

    def _ranked(self, query: tantivy.Query, most: int) -> tuple[list[_Ranked], int]:
        """Return hits with their scores, the best first, equals by their names, and how many there are."""
        found = self._searcher.search(query, most, count=True, weight_by_field="weight")
        ranked = sorted(((score, self._key(at)) for score, at in found.hits), key=lambda one: (-one[0], one[1]))
        return ranked, int(found.count)  # type: ignore[attr-defined]  # which its stub leaves out

    def _may_see(self, scope: str) -> bool:
        return self._scopes is None or scope in self._scopes

    def _key(self, at: Any) -> Key:
        return Key.of(str(self._searcher.doc(at)["key"][0]))

    def _staged(self, text: str, words: Sequence[str]) -> tantivy.Query:
        import tantivy

        stages = self._widest(text, words)
        if words:
            stages.append((Stage.WORDS, self._all(self._term("name", word) for word in words)))
            stages.append((Stage.CONCERN, self._all(self._term("near", word) for word in words)))
        scored = [tantivy.Query.const_score_query(query, float(stage)) for stage, query in stages]
        return tantivy.Query.disjunction_max_query(scored)

    def _widest(self, text: str, words: Sequence[str]) -> list[tuple[Stage, tantivy.Query]]:
        """Return the stages that together find all that any stage does; the others only put it higher."""
        spelt = [one for one in dict.fromkeys((folded(text), *spellings(text))) if one]
        stages: list[tuple[Stage, tantivy.Query]] = [
            (stage, self._any(self._term(exact, one) for one in spelt))
            for stage, exact in ((Stage.NAME, "exact"), (Stage.ALIAS, "alias"), (Stage.COLUMN, "column"))
        ]
        if words:
            stages.append((Stage.FUZZY, self._all(self._alike(word) for word in words)))
            stages.append((Stage.PROSE, self._all(self._term("anywhere", word) for word in words)))
            if len(words[-1]) >= _BEGINS_FROM:
                exact = (self._term("name", word) for word in words[:-1])
                stages.append((Stage.PREFIX, self._all((*exact, self._begins(words[-1])))))
        return stages

    def _within(
        self, query: tantivy.Query, question: Question, scopes: Collection[str] | None, *, of_kind: bool = True
    ) -> tantivy.Query:
        """Return a query among what was asked for and some scopes; what is not, is neither shown nor counted."""
        import tantivy

        limits = []
        if scopes is not None:
            limits.append(tantivy.Query.term_set_query(self._schema, "scope", list(scopes)))
        if question.kinds and of_kind:
            limits.append(tantivy.Query.term_set_query(self._schema, "kind", list(question.kinds)))
        if question.product:
            limits.append(self._any((self._term("scope", question.product), self._part_of(question.product))))
        if not limits:
            return query
        must = [tantivy.Query.const_score_query(limit, 0.0) for limit in limits]
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, one) for one in (query, *must)])

    def _part_of(self, product: str) -> tantivy.Query:
        """Return a query for what is of several products, this one among them."""
        import tantivy

        found = self._connection.execute("SELECT DISTINCT scope FROM asset WHERE product = ?", (product,))
        return tantivy.Query.term_set_query(self._schema, "scope", [scope for (scope,) in found] or [product])

    def _kinds(self, question: Question, words: Sequence[str], ranked: Sequence[Key], total: int) -> dict[str, int]:
        """Return how many hits each kind has; counted from the hits themselves where all of them are at hand."""
        if not question.kinds and total == len(ranked):
            found = Counter(key.kind for key in ranked)
            return {kind: found[kind] for kind in KINDS if kind in found}
        every = self._any(query for _, query in self._widest(question.text, words))
        query = self._within(every, question, self._scopes, of_kind=False)
        told = self._searcher.aggregate(query, {"kinds": {"terms": {"field": "kind", "size": len(KINDS)}}})
        counts = {str(one["key"]): int(one["doc_count"]) for one in told["kinds"]["buckets"]}
        return {kind: counts[kind] for kind in KINDS if kind in counts}

    # -- the parts of queries -----------------------------------------------------------------------------------------

    def _term(self, name: str, value: str) -> tantivy.Query:
        import tantivy

        return tantivy.Query.term_query(self._schema, name, value, index_option="basic")

    def _begins(self, word: str) -> tantivy.Query:
        import tantivy

        return tantivy.Query.fuzzy_term_query(self._schema, "name", word, 0, prefix=True)

    def _alike(self, word: str) -> tantivy.Query:
        import tantivy

        if len(word) < _FUZZY_FROM:
            return self._term("name", word)
        return tantivy.Query.fuzzy_term_query(self._schema, "name", word, 2 if len(word) >= _FUZZY_MORE else 1)

    def _any(self, queries: Iterable[tantivy.Query]) -> tantivy.Query:
        import tantivy

        each = list(queries)
        return each[0] if len(each) == 1 else tantivy.Query.boolean_query([(tantivy.Occur.Should, q) for q in each])

    def _all(self, queries: Iterable[tantivy.Query]) -> tantivy.Query:
        import tantivy

        each = list(queries)
        return each[0] if len(each) == 1 else tantivy.Query.boolean_query([(tantivy.Occur.Must, q) for q in each])

    # -- where nothing was found --------------------------------------------------------------------------------------

    def _near(self, question: Question, words: Sequence[str]) -> tuple[str, ...]:
        """Return names a little like what was asked, of what the caller may see."""
        import tantivy

        loose = [
            tantivy.Query.fuzzy_term_query(self._schema, "near", word, 2, prefix=len(word) >= _FUZZY_FROM)
            for word in words
            if len(word) >= _FUZZY_FROM - 1
        ]
        if not loose:
            return ()
        found = self._searcher.search(
            self._within(self._any(loose), question, self._scopes), _LOOKED_AT, weight_by_field="weight"
        )
        names = names_of(self._connection, [self._key(at) for _, at in found.hits], self._may_see)
        text = folded(question.text)
        spelt = {folded(name): name for name in reversed(names)}
        return tuple(spelt[name] for name in get_close_matches(text, spelt, n=_NEAR, cutoff=_CLOSE))


def scopes_seen(connection: sqlite3.Connection, allowed: Allowed) -> frozenset[str] | None:
    """Return the scopes whose products a caller may all see, and that of what is estate-wide; None for every one."""
    if allowed is None:
        return None
    may_see = allowed if callable(allowed) else frozenset(allowed).__contains__
    told: dict[str, bool] = {}
    found = set()
    for scope in all_scopes(connection):
        products = scope.split("\n") if scope else []
        for product in products:
            if product not in told:
                told[product] = bool(may_see(product))
        if all(told[product] for product in products):
            found.add(scope)
    return frozenset(found)


def all_scopes(connection: sqlite3.Connection) -> list[str]:
    """Return every scope there is, by steps along the index: rows are not looked at one by one."""
    steps = (
        "WITH RECURSIVE step(scope) AS (SELECT min(scope) FROM asset UNION ALL SELECT "
        "(SELECT min(a.scope) FROM asset a WHERE a.scope > step.scope) FROM step WHERE step.scope IS NOT NULL) "
        "SELECT scope FROM step WHERE scope IS NOT NULL"
    )
    return [str(scope) for (scope,) in connection.execute(steps)]
