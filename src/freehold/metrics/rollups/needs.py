"""What a pass of a question needs of a rollup: the least that would answer it, found by trying."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from freehold.foundation import FreeholdError, Where
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.expressions import parts_of
from freehold.metrics.lowering import Branch, lower
from freehold.metrics.model import Model, Rollup
from freehold.metrics.paths import Place, place_of
from freehold.metrics.query import Query, key_of
from freehold.metrics.rollups.content import Content, content_of
from freehold.metrics.rollups.matching import expect_adds_up, matched
from freehold.metrics.rollups.parts import Names, own_condition
from freehold.metrics.rollups.periods import follows_from
from freehold.metrics.rollups.use import Held, NotUsedError, Why
from freehold.metrics.rows import Scope

COARSEST_FIRST = ("year", "fiscal_year", "quarter", "fiscal_quarter", "month", "week", "day", "hour")
_PAPER = "paper"  # the name of a rollup that nobody has declared


@dataclass(frozen=True, slots=True)
class Need:
    """What a rollup must have: metrics of a fact, fields, and a grain from which periods follow; empty for no time."""

    model: str
    fact: str
    metrics: frozenset[str]
    fields: frozenset[str]
    grain: str

    def is_met_by(self, other: Need, model: Model) -> bool:
        """Whether whatever answers the other need answers this one."""
        if (self.model, self.fact) != (other.model, other.fact) or not self.metrics <= other.metrics:
            return False
        in_time = not self.grain or bool(other.grain and follows_from(other.grain, self.grain, model.calendar))
        return self.fields <= other.fields and in_time

    def joined(self, other: Need, model: Model) -> Need:
        """Return what meets both: all metrics and fields, and the longest periods that make up those of both."""
        asked = [grain for grain in (self.grain, other.grain) if grain]
        fitting = (g for g in COARSEST_FIRST if all(follows_from(g, one, model.calendar) for one in asked))
        grain = next(fitting, "hour") if asked else ""
        return replace(self, metrics=self.metrics | other.metrics, fields=self.fields | other.fields, grain=grain)

    def rollup(self, name: str, metrics: Sequence[str]) -> Rollup:
        """Return a rollup that has just this; `metrics` gives their order."""
        keys = [*([self.grain] if self.grain else []), *sorted(self.fields)]
        listed = tuple(m for m in metrics if m in self.metrics)
        return Rollup(name, self.model, Where("", 1, 1), listed, tuple(map(key_of, keys)))


def on_paper(content: Content) -> Held:
    """Return a rollup as if it were built and current."""
    return Held(content, exp.to_table(content.rollup.name))


def content_for(catalogue: Catalogue, need: Need, name: str = _PAPER) -> Content:
    """Return what a rollup for a need would hold.

    Raises:
        FreeholdError: FH-N6xx such a rollup cannot be.
    """
    model = catalogue.models[need.model]
    return content_of(catalogue, need.rollup(name, tuple(model.metrics)))


def need_of(scope: Scope, query: Query, branch: Branch) -> Need:
    """Return the least that answers a pass.

    Raises:
        NotUsedError: why no rollup could.
        FreeholdError: FH-N6xx and others: what keeps one from being declared.
    """
    expect_adds_up(Names(scope.catalogue.models[branch.shape.model], branch.shape.fact), branch)
    lacking: NotUsedError | FreeholdError | None = None
    for need in _tries(scope.catalogue, query, branch):
        try:
            matched(scope, query, branch, on_paper(content_for(scope.catalogue, need)))
        except (NotUsedError, FreeholdError) as error:
            lacking = lacking if isinstance(lacking, FreeholdError) else error
        else:
            return need
    raise lacking or NotUsedError(Why.KEY, "it is by nothing")


def _tries(catalogue: Catalogue, query: Query, branch: Branch) -> Iterator[Need]:
    """Yield rollups from the least to the most that a pass could need."""
    shape, model = branch.shape, catalogue.models[branch.shape.model]
    keys = [k for i, k in enumerate(query.by) if not k.is_time and (shape.kept is None or i in shape.kept)]
    least = {_text(model, shape.fact, place_of(model, shape.fact, key.parts), key.grain) for key in keys}
    least |= set(_fields_of(model, shape.fact, [query.where] if query.where is not None else []))
    conditions = [c for one in branch.aggregates for c in (*one.filters, own_condition(one.node)) if c is not None]
    more = least | set(_fields_of(model, shape.fact, conditions))
    for metrics in dict.fromkeys((_asked(catalogue, query, branch), _below(catalogue, branch))):
        for fields in (least, more) if more != least else (least,):
            for grain in ("", *COARSEST_FIRST):
                if metrics and (grain or fields):
                    yield Need(shape.model, shape.fact, metrics, frozenset(fields), grain)


def _asked(catalogue: Catalogue, query: Query, branch: Branch) -> frozenset[str]:
    """Return the metrics asked for that are computed from this pass; none where one of them needs another fact too."""
    fact, found = (branch.shape.model, branch.shape.fact), set()
    for name in query.metrics:
        metric = catalogue.metric(name)
        facts = {(s.model, s.fact) for s in lower(catalogue, Query((metric.id,))).branches}
        if fact in facts:
            if facts != {fact} or metric.model != fact[0]:
                return frozenset()
            found.add(metric.name)
    return frozenset(found)


def _below(catalogue: Catalogue, branch: Branch) -> frozenset[str]:
    """Return the metrics whose aggregates a pass computes, which may stand below those asked for."""
    known = catalogue.models[branch.shape.model].metrics
    return frozenset(one.metric for one in branch.aggregates if one.metric in known)


def _fields_of(model: Model, fact: str, trees: Sequence[exp.Expr]) -> Iterator[str]:
    for tree in trees:
        for column in tree.find_all(exp.Column):
            yield _text(model, fact, place_of(model, fact, parts_of(column)), None)


def _text(model: Model, fact: str, place: Place, grain: str | None) -> str:
    """Return a field as a person would write it in `by`: bare, or by as many roles on the way as it takes."""
    roles = tuple(join.name for join in place.path)
    ways = ((*roles[len(roles) - count :], place.field.name) for count in range(len(roles) + 1))
    name = ".".join(next((way for way in ways if _means(model, fact, way, place)), (*roles, place.field.name)))
    return f"{name}:{grain}" if grain else name


def _means(model: Model, fact: str, way: Sequence[str], place: Place) -> bool:
    try:
        return place_of(model, fact, way) == place
    except FreeholdError:
        return False


def as_error(error: FreeholdError | NotUsedError) -> str:
    """Return why no rollup could answer something, in a sentence without its end."""
    told = error.words if isinstance(error, NotUsedError) else error.problem.rstrip(".")
    return told.removeprefix(f"The rollup `{_PAPER}` cannot be built. ")
