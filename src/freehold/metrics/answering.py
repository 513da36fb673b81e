"""Answering a question: compiled, run as the caller, kept by what it was computed from, and remembered as an event.

An answer is kept under its SQL, what the caller may see, and the versions of the data it read. When a version changes
the key does, so nothing is ever cleared by time and nothing stale is ever served.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from freehold.foundation import Caller, FreeholdError
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.compiling import Compiled, compiled
from freehold.metrics.dialects import written_for
from freehold.metrics.fingerprint import definition_hash
from freehold.metrics.kept import KeptAnswers
from freehold.metrics.model import Dataset
from freehold.metrics.paths import listed
from freehold.metrics.query import Query
from freehold.metrics.rows import Policy, Scope

if TYPE_CHECKING:
    import pyarrow as pa

    from freehold.engines import Engine

State = Literal["ok", "held", "late", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Source:
    """What a dataset reads at this moment: where it lies, which version, and whether it may be trusted.

    `version` is empty where nobody can tell whether the rows have changed. `reasons` say why the state is not `ok`.
    """

    name: str
    relation: exp.Table
    version: str = ""
    state: State = "unknown"
    reasons: tuple[str, ...] = ()
    published_at: datetime | None = None
    data_until: datetime | None = None
    product: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A table of numbers with everything needed to trust it.

    `table` is an Arrow table whose columns are the keys and then the metrics. `definitions` are the hashes of the
    metrics asked for; `is_cut` tells that there were more rows than the caller may have at once.
    """

    table: pa.Table
    compiled: Compiled
    definitions: Mapping[str, str]
    sources: tuple[Source, ...]
    seconds: float
    is_kept: bool = False
    is_cut: bool = False
    id: str = ""  # once it is remembered

    @property
    def state(self) -> State:
        """The worst state of what it was read from."""
        order: tuple[State, ...] = ("failed", "held", "late", "unknown", "ok")
        return next((s for s in order if any(source.state == s for source in self.sources)), "ok")

    @property
    def data_until(self) -> datetime | None:
        """The end of the newest interval that all its sources hold; None where one does not say."""
        ends = [s.data_until for s in self.sources]
        return min((end for end in ends if end), default=None)


@dataclass(frozen=True)
class Answerer:
    """Answers questions over one warehouse for one caller.

    `source` tells what a dataset reads now. `policy` is what the caller may see of it. `most_rows` is the most rows an
    answer may have; `refuse` are the states of data that are refused instead of marked.
    """

    catalogue: Catalogue
    engine: Engine
    caller: Caller
    source: Callable[[Dataset], Source]
    policy: Callable[[Dataset], Policy | None] = lambda _: None
    fewest: int = 1
    most_rows: int = 1_000_000
    refuse: Collection[State] = ()
    kept: KeptAnswers | None = None

    def compile(self, query: Query) -> Compiled:
        """Return the SQL of a question, without running it."""
        return compiled(self.scope(), query)

    def answer(self, query: Query) -> Answer:
        """Answer a question.

        Raises:
            FreeholdError: FH-N1xx to FH-N3xx where it has no one right answer; FH-N501 where its data is in a state
                that the caller wants refused; FH-E… what the warehouse says.
        """
        started = time.perf_counter()
        capped = self.most_rows + 1  # one more tells that there are more
        made = self.compile(replace(query, limit=min(query.limit, capped) if query.limit is not None else capped))
        sources = tuple(sorted((self.source(d) for d in made.datasets), key=lambda s: s.name))
        self._judge(sources)
        table, is_kept = self._table(made, sources)
        is_cut = table.num_rows > self.most_rows
        return Answer(
            table=table.slice(0, self.most_rows) if is_cut else table,
            compiled=made,
            definitions={m: definition_hash(self.catalogue, self.catalogue.metric(m)) for m in query.metrics},
            sources=sources,
            seconds=time.perf_counter() - started,
            is_kept=is_kept,
            is_cut=is_cut,
        )

    def scope(self) -> Scope:
        """Return what questions are compiled against."""
        dialect = written_for(self.engine.capabilities.dialect)
        return Scope(self.catalogue, lambda d: self.source(d).relation.copy(), dialect, self.policy, self.fewest)

    def _judge(self, sources: Collection[Source]) -> None:
        bad = [s for s in sources if s.state in self.refuse]
        if bad:
            why = " ".join(reason for source in bad for reason in source.reasons)
            raise FreeholdError(
                "FH-N501",
                f"The data of {listed(s.name for s in bad)} is {bad[0].state}, and is not to be answered from. {why}",
                fix="See `freehold status`; ask without --only-sound to have the last good version.",
            )  # fmt: skip

    def _table(self, made: Compiled, sources: Collection[Source]) -> tuple[pa.Table, bool]:
        key = self._key(made, sources)
        if key and self.kept is not None and (found := self.kept.get(key)) is not None:
            return found, True
        session = self.engine.session(self.caller, {"task": "query", "metrics": ",".join(made.query.metrics)})
        try:
            table = session.arrow(made.sql)
        finally:
            session.close()
        if key and self.kept is not None:
            self.kept.put(key, table)
        return table, False

    def _key(self, made: Compiled, sources: Collection[Source]) -> str:
        """Return what an answer is kept under; empty where one of its sources has no version.

        The policy is in the SQL itself, so two callers share an answer just when they may see the same.
        """
        versions = [f"{s.name}={s.version}" for s in sources]
        if not all(s.version for s in sources) or not sources:
            return ""
        return hashlib.sha256("\n".join((made.sql, *versions)).encode()).hexdigest()
