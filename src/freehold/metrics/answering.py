"""Answering a question: compiled, run as the caller, kept by what it was computed from, and remembered as an event.

An answer is kept under its SQL, what the caller may see, and the versions of the data it read. When a version changes
the key does, so nothing is ever cleared by time and nothing stale is ever served.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from freehold.foundation import Caller, FreeholdError
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.compiling import Compiled, compiled
from freehold.metrics.explaining import read_from
from freehold.metrics.fingerprint import definition_hash, parts_used
from freehold.metrics.kept import KeptAnswers
from freehold.metrics.model import Dataset, Metric
from freehold.metrics.paths import listed
from freehold.metrics.query import Query
from freehold.metrics.rows import Policy, Scope

if TYPE_CHECKING:
    import pyarrow as pa

    from freehold.engines import Engine
    from freehold.metrics.rollups import Held

MOST_ROWS = 1_000_000  # of an answer, where nobody says
State = Literal["ok", "held", "late", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Source:
    """What a dataset reads at this moment: where it lies, which version, and whether it may be trusted.

    `version` is empty where nobody can tell whether the rows have changed. `reasons` say why the state is not `ok`, and
    which incidents are open of what it is made of.
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
    metrics asked for; `is_cut` tells that there were more rows than the caller may have at once, or asked for;
    `is_certified` that every metric asked for was certified then.
    """

    table: pa.Table
    compiled: Compiled
    definitions: Mapping[str, str]
    sources: tuple[Source, ...]
    seconds: float
    is_kept: bool = False
    is_cut: bool = False
    is_certified: bool = False
    policies: tuple[str, ...] = ()  # those by which the caller sees not all of it
    notes: tuple[str, ...] = ()  # what readers of these metrics are to know besides
    id: str = ""  # once it is remembered

    def first(self, rows: int) -> Answer:
        """Return it with so many rows at most; it is cut where it has more."""
        return replace(self, table=self.table.slice(0, rows), is_cut=True) if self.table.num_rows > rows else self

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


def _masked(metric: Metric, column: str, policy: Policy) -> FreeholdError:
    return FreeholdError(
        "FH-N507",
        f"`{metric.name}` is made of `{column}`, which the policy `{policy.name}` shows you in another form: it "
        "would be another number under the same name.",
        where=metric.where, fix=f"Ask for a metric that does without `{column}`, or for a grant that shows it.",
    )  # fmt: skip


def _not_there(sources: Collection[Source], error: FreeholdError) -> FreeholdError:
    """Return what to say of a statement that failed: that its data was never published, where that is why."""
    absent = [s for s in sources if s.state == "failed" and s.published_at is None]
    if error.code != "FH-E201" or not absent:
        return error
    why = " ".join(reason for source in absent for reason in source.reasons)
    problem = f"There is nothing to answer from yet. {why}"
    return FreeholdError("FH-N501", problem, fix="`freehold run` builds, checks and publishes it.")


def unfinished(catalogue: Catalogue, answer: Answer) -> date | None:
    """Return the last period of an answer by time, if the data ends within it.

    None if it is whole, nobody knows, or the question itself ends before the data does.
    """
    query, until = answer.compiled.query, answer.data_until
    key = query.time
    if key is None or key.grain is None or key.grain == "hour" or until is None or not answer.table.num_rows:
        return None
    if query.end is not None and query.end <= until.replace(tzinfo=None):
        return None
    column = answer.table.column(answer.compiled.columns.index(key.text))
    days = [day for day in column.to_pylist() if isinstance(day, date)]
    calendar = catalogue.models[catalogue.metric(answer.compiled.query.metrics[0]).model].calendar
    if not days:
        return None
    end = calendar.step(key.grain).after(datetime.combine(max(days), datetime.min.time()))
    return max(days) if until.replace(tzinfo=None) < end else None


@dataclass(frozen=True)
class Answerer:
    """Answers questions over one warehouse for one caller.

    `source` tells what a dataset reads now, `held` are the rollups as they are now. `policy` is what the caller may see
    of it. `most_rows` is the most rows an answer may have, `most_seconds` how long the warehouse may take for it;
    `refuse` are the states of data that are refused instead of marked. `note` is what readers of a metric are to know
    besides, by its id; `failed` is told of a question that the warehouse could not answer, with the seconds that took.
    """

    catalogue: Catalogue
    engine: Engine
    caller: Caller
    source: Callable[[Dataset], Source]
    policy: Callable[[Dataset], Policy | None] = lambda _: None
    fewest: int = 1
    most_rows: int = MOST_ROWS
    most_seconds: float | None = None
    refuse: Collection[State] = ()
    kept: KeptAnswers | None = None
    held: tuple[Held, ...] = ()
    note: Callable[[str], str] = lambda _: ""
    failed: Callable[[Compiled, Collection[Source], float], object] = lambda *_: None

    def compile(self, query: Query) -> Compiled:
        """Return the SQL of a question, without running it."""
        self._expect_unmasked(query)
        scope = self.scope()
        made = compiled(scope, query)
        policies = [p for p in self._policies(made.datasets) if p.hides]
        if not policies:
            return made
        fewest = max(self.fewest, *(p.fewest for p in policies))
        return compiled(replace(scope, fewest=fewest), self._safely(query))

    def _safely(self, query: Query) -> Query:
        """Return a question whose condition never fails, so that whether it does tells nothing of what is hidden."""
        if query.where is None or self.engine.capabilities.dialect != "duckdb":
            return query
        return replace(query, where=exp.Anonymous(this="TRY", expressions=[query.where.copy()]))

    def answer(self, query: Query) -> Answer:
        """Answer a question.

        Raises:
            FreeholdError: FH-N1xx to FH-N3xx where it has no one right answer; FH-N501 where its data is in a state
                that the caller wants refused, or was never published; FH-E… what the warehouse says.
        """
        started = time.perf_counter()
        capped = self.most_rows + 1  # one more tells that there are more
        made = self.compile(replace(query, limit=min(query.limit, capped) if query.limit is not None else capped))
        sources = tuple(sorted((self.source(d) for d in made.datasets), key=lambda s: s.name))
        self._judge(made.datasets, sources)
        try:
            table, is_kept = self._table(made, sources)
        except FreeholdError:
            self.failed(made, sources, time.perf_counter() - started)
            raise
        found = Answer(
            table=table,
            compiled=made,
            definitions={m: definition_hash(self.catalogue, self.catalogue.metric(m)) for m in query.metrics},
            sources=sources,
            seconds=time.perf_counter() - started,
            is_kept=is_kept,
            is_certified=all(self.catalogue.metric(name).status == "certified" for name in query.metrics),
            policies=self.restrictions(made.datasets),
            notes=tuple(told for m in query.metrics if (told := self.note(self.catalogue.metric(m).id))),
        )
        return found.first(self.most_rows)

    def _expect_unmasked(self, query: Query) -> None:
        """Refuse a metric that is made of a column the caller sees in another form: it would be another number.

        Raises:
            FreeholdError: FH-N507 with the column and the policy.
        """
        for name in query.metrics:
            metric = self.catalogue.metric(name)
            for model, dataset, field in parts_used(self.catalogue, metric)[1]:
                there = self.catalogue.models[model].datasets[dataset]
                masked = {t.source: p for t in there.tables if (p := self.policy(t)) is not None and p.masks}
                for source, column in read_from(there, field) if masked else ():
                    if source in masked and column in masked[source].masks:
                        raise _masked(metric, column, masked[source])

    def restrictions(self, datasets: Collection[Dataset]) -> tuple[str, ...]:
        """Return the policies by which the caller sees some of these datasets in part, or in another form."""
        return tuple(sorted({p.name for p in self._policies(datasets) if p.hides}))

    def _policies(self, datasets: Collection[Dataset]) -> Iterator[Policy]:
        """Yield the policies of what datasets read: of a query's, those of its tables."""
        for table in (table for dataset in datasets for table in dataset.tables):
            policy = self.policy(table)
            if policy is not None:
                yield policy

    def scope(self) -> Scope:
        """Return what questions are compiled against."""
        dialect = self.engine.capabilities.dialect
        return Scope(self.catalogue, self._relation, dialect, self.policy, self.fewest, self.held)

    def _relation(self, dataset: Dataset) -> exp.Table:
        return self.source(dataset).relation.copy()

    def _judge(self, datasets: Collection[Dataset], sources: Collection[Source]) -> None:
        for table in (table for dataset in datasets for table in dataset.tables):
            policy, source = self.policy(table), self.source(table)
            if policy is not None and policy.states and source.state not in policy.states:
                raise FreeholdError(
                    "FH-N501",
                    f"The data of `{source.name}` is {source.state}, and the policy `{policy.name}` answers from data "
                    f"that is {listed(policy.states)} alone. {' '.join(source.reasons)}",
                    fix="See `freehold status`.",
                )
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
            with session.within(self.most_seconds) if self.most_seconds is not None else nullcontext():
                table = session.arrow(made.sql)
        except FreeholdError as error:
            told = self._untold(_not_there(sources, error), made)
            raise told from (None if told is error else error)
        finally:
            session.close()
        if key and self.kept is not None:
            self.kept.put(key, table)
        return table, False

    def _untold(self, error: FreeholdError, made: Compiled) -> FreeholdError:
        """Return an error without what the warehouse says, which quotes values, where some are kept from the caller."""
        names = self.restrictions(made.datasets)
        if error.code != "FH-E201" or not names:
            return error
        problem = f"The warehouse could not answer; what it says is kept from you, by {listed(names)}."
        return FreeholdError(error.code, problem, fix="Ask for less, or ask somebody who sees all.")

    def _key(self, made: Compiled, sources: Collection[Source]) -> str:
        """Return what an answer is kept under; empty where one of its sources has no version.

        The policy is in the SQL itself, so two callers share an answer just when they may see the same.
        """
        read = [use for use in made.uses if use.rollup]
        versions = [f"{s.name}={s.version}" for s in sources]
        versions += [f"{use.asset}={use.version}" for use in read]
        if not all(s.version for s in sources) or not all(use.version for use in read) or not sources:
            return ""
        return hashlib.sha256("\n".join((made.sql, *versions)).encode()).hexdigest()
