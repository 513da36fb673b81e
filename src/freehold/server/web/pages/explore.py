"""Explore metrics: choose, compare, narrow, drill, and save the question for others. The address is the question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from freehold.foundation import FreeholdError
from freehold.metrics import Answer
from freehold.metrics.dimensions import Dimension, dimensions_of
from freehold.metrics.fingerprint import definition_hash
from freehold.metrics.tables import as_csv, as_parquet
from freehold.metrics.timing import FISCAL, GRAINS
from freehold.server.asking import Asks
from freehold.server.leaving import ending_of
from freehold.server.problems import is_part
from freehold.server.questions import Filter, Question, as_command, as_python, as_yaml, question_of
from freehold.server.saved import View
from freehold.server.web.answered import Answered, answered, is_grain
from freehold.server.web.model import Crumb, Empty, Fault, Snippet, joined
from freehold.server.web.pages.explain import fault_of
from freehold.server.web.pages.metrics import MetricRow, catalogue_in, label_of, metric_row
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown, asked_of

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from freehold.metrics import Catalogue
    from freehold.metrics.model import Metric

MOST_ROWS = 100_000  # of an answer on a page
_MOST_SUGGESTED = 24
_LONGEST_FIND = 200  # characters of the words that rows are found by
_MOST_ON_FILE = 1_000_000
_NOTHING_CHOSEN = Empty(
    "Choose a metric",
    "Then by what, of which rows, and when. The address holds the question, so it can be sent to others.",
)
_NO_METRICS = Empty(
    "No metric is defined yet", "A metric is a name, a sentence and a formula over contracts.", "freehold metrics list"
)
_NO_ROWS = Empty(
    "No rows", "Nothing is known for this period and these rows. Take a filter away, or look further back."
)


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of the question; `href` is the question without it."""

    text: str
    href: str
    told: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One of several choices of a form."""

    value: str
    text: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Suggested:
    """A value that a field has, and the question for it alone."""

    text: str
    told: str
    href: str
    but_href: str


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The values of a field that somebody wants to narrow by, those with most first."""

    field: str
    values: tuple[Suggested, ...]
    fault: Fault | None
    close: str


@dataclass(frozen=True, slots=True)
class Saved:
    """The view that the page shows; `changed` are metrics that are defined otherwise since it was saved."""

    id: str
    name: str
    description: str
    owner: str
    is_mine: bool
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExplorePage:
    """A question, the ways to change it, and its answer."""

    metrics: tuple[Chip, ...]
    keys: tuple[Chip, ...]
    filters: tuple[Chip, ...]
    kept: tuple[tuple[str, str], ...]  # words of the address that no field of the form holds
    more_metrics: tuple[Option, ...]
    grains: tuple[Option, ...]
    few_keys: tuple[Option, ...]
    other_keys: tuple[Option, ...]
    compares: tuple[Option, ...]
    start: str
    end: str
    where: str
    address: str
    question: str  # the words of the address alone
    pairs: tuple[tuple[str, str], ...]  # the same, each by its name
    suggestions: Suggestions | None
    fault: Fault | None
    answered: Answered | None
    snippets: tuple[Snippet, ...]
    start_with: tuple[MetricRow, ...]
    views: tuple[View, ...]
    saved: Saved | None
    nothing_chosen: Empty = _NOTHING_CHOSEN
    no_rows: Empty = _NO_ROWS


def routes() -> list[BaseRoute]:
    """Return the routes of exploring."""
    return [
        Route("/explore.csv", _csv),
        Route("/explore.parquet", _parquet),
        *page("/explore", explore, "explore", asks=True),
    ]


def explore(asked: Asked) -> Shown:
    """Show a question and its answer."""
    return explored(asked, question_of(asked.request.query_params.multi_items()))


def explored(asked: Asked, question: Question, view: View | None = None) -> Shown:
    """Show a question and its answer, or the view it was saved as."""
    catalogue = catalogue_in(asked)
    asks, number = Asks(asked.served, asked.snapshot, asked.who), _number(asked.word("page") or "1")
    found, dimensions, fault = _asked(asked, asks, question)
    model = _page(asked, question, dimensions, view)
    shown = _in_order(question)
    if found is not None:
        told = answered(asks.catalogue, found, shown, number, asked.request.url.path, dimensions,
                        asked.word("find")[:_LONGEST_FIND].strip())  # fmt: skip
        model = replace(
            model, answered=told, snippets=(Snippet("SQL", found.compiled.pretty()), *_snippets(asked, question))
        )
    suggestions = _suggestions(asks, question, asked.word("field"), dimensions) if dimensions else None
    model = replace(model, fault=fault, suggestions=suggestions)
    asked_for = (m.id for m in catalogue.metrics() if m.id in question.metrics or m.name in question.metrics)
    ending = ending_of(asked, *(f"metric:{id_}" for id_ in asked_for))
    if view is not None:
        crumbs = (Crumb("Views", "/views"),)
        return Shown(
            *("pages/explore.html", view.name, model, sentence(catalogue, question), crumbs, "explore", "explore"),
            ending=ending,
        )
    told_sentence = sentence(catalogue, question) if question.metrics else ""
    return Shown("pages/explore.html", "Explore", model, told_sentence, nav="explore", part="explore", ending=ending)


def _number(text: str) -> int:
    """Return which page of the rows is asked for.

    Raises:
        FreeholdError: FH-A112 it is no number.
    """
    if not text.isascii() or not text.isdecimal() or not 0 < len(text) < 7:
        raise FreeholdError("FH-A112", f"`{text[:40]}` is no `page` of rows.", fix="Say a number, from 1 on.")
    return int(text)


def _asked(asked: Asked, asks: Asks, question: Question) -> tuple[Answer | None, tuple[Dimension, ...], Fault | None]:
    """Return the answer, by what else it could be asked, and why there is no answer."""
    if not question.metrics:
        return None, (), None
    dimensions: tuple[Dimension, ...] = ()
    try:
        dimensions = dimensions_of(asks.catalogue, [asks.catalogue.metric(name) for name in question.metrics])
        shown = _in_order(question)
        if asked.word("find") and is_part(asked.request):  # looking through what was read already reads nothing more
            return asks.answer(shown.query(), MOST_ROWS), dimensions, None
        return _recorded(asked, asks, shown), dimensions, None
    except FreeholdError as error:
        return None, dimensions, fault_of(error)


def _recorded(asked: Asked, asks: Asks, question: Question, most_rows: int = MOST_ROWS) -> Answer:
    answer = asks.answer(question.query(), most_rows)
    return asked.served.usage.answered(answer, question.words, asked.who, env=asked.snapshot.env, channel="portal")


def _in_order(question: Question) -> Question:
    """Return a question in the order that is read best: by time as it goes, by keys alone the largest first."""
    if question.order or not question.by or any(is_grain(key) for key in question.by):
        return question
    return replace(question, order=(f"-{question.metrics[0]}",)) if question.metrics else question


def _page(asked: Asked, question: Question, dimensions: tuple[Dimension, ...], view: View | None) -> ExplorePage:
    catalogue, served = catalogue_in(asked), asked.served
    time = next((key for key in question.by if is_grain(key)), "")
    bare = replace(question, by=tuple(k for k in question.by if k != time), start="", end="", where="", compare="")
    left = [d for d in dimensions if d.name not in question.by]
    return ExplorePage(
        metrics=tuple(_metric_chips(catalogue, question)),
        keys=tuple(
            Chip(key, replace(question, by=tuple(k for k in question.by if k != key), order=()).address())
            for key in question.by if key != time
        ),
        filters=tuple(Chip(_spoken(one), question.without_filter(one).address()) for one in question.filters),
        kept=tuple(bare.pairs()),
        more_metrics=tuple(
            Option(m.id, label_of(m)) for m in _certified_first(catalogue) if m.id not in _ids(catalogue, question)
        ),
        grains=tuple(Option(g, g.replace("_", " "), g == time) for g in (*GRAINS, *_fiscal(catalogue, question))),
        few_keys=tuple(Option(d.name, d.name) for d in left if d.is_of_few),
        other_keys=tuple(Option(d.name, d.name) for d in left if not d.is_of_few),
        compares=tuple(_compares(question, time)),
        start=question.start,
        end=question.end,
        where=question.where,
        address=question.address(),
        question=question.address("").removeprefix("?"),
        pairs=tuple(question.pairs()),
        suggestions=None,
        fault=None,
        answered=None,
        snippets=(),
        start_with=() if question.metrics else tuple(
            metric_row(asked, catalogue, m) for m in _certified_first(catalogue)
        ),
        views=() if question.metrics else served.saved.all(seen_of(asked)),
        saved=_saved(asked, catalogue, view),
        no_rows=_no_rows(question),
    )  # fmt: skip


def _no_rows(question: Question) -> Empty:
    """Return why an answer has no rows: what was asked for leaves none, or nothing is known."""
    if question.limit == 0:
        return Empty("No rows", "None were asked for: `limit` is 0. Take it out of the address.")
    if question.having:
        return Empty("No rows", f"None fulfils `{question.having}`, the `having` of the address. Ask for less of them.")
    return _NO_ROWS


def seen_of(asked: Asked) -> set[str] | None:
    """Return the metrics that the asker may see; None for all, so that views of what is gone by now still open."""
    return None if asked.snapshot.seen is None else {m.id for m in catalogue_in(asked).metrics()}


def _metric_chips(catalogue: Catalogue, question: Question) -> Iterator[Chip]:
    for name in question.metrics:
        left = tuple(m for m in question.metrics if m != name)
        try:
            one = catalogue.metric(name)
        except FreeholdError:
            yield Chip(name, replace(question, metrics=left, order=()).address(), "there is none of that name")
            continue
        yield Chip(label_of(one), replace(question, metrics=left, order=()).address(), one.status)


def _ids(catalogue: Catalogue, question: Question) -> set[str]:
    return {m.id for m in catalogue.metrics() if m.id in question.metrics or m.name in question.metrics}


def _certified_first(catalogue: Catalogue) -> list[Metric]:
    return sorted(catalogue.metrics(), key=lambda m: (m.status != "certified", m.status == "deprecated", m.id))


def _fiscal(catalogue: Catalogue, question: Question) -> tuple[str, ...]:
    """Return the grains of a year that begins elsewhere than in January, where a metric's calendar has one."""
    models = {m.model for m in catalogue.metrics() if m.id in _ids(catalogue, question)}
    return FISCAL if any(catalogue.models[name].calendar.fiscal_start != 1 for name in models) else ()


def _compares(question: Question, time: str) -> Iterator[Option]:
    """Yield what a period can be compared with: a shift keeps periods of its grain whole, or it would mean nothing."""
    grain = time.removeprefix("fiscal_") or "month"
    year = "prior:1year" if grain in ("month", "quarter", "year") else "prior:52weeks"
    choices = {f"prior:1{grain}": f"the {grain} before", year: "the year before"}
    if question.compare and question.compare not in choices:
        choices[question.compare] = f"{_length(question.compare)} before"
    yield from (Option(value, text, value == question.compare) for value, text in choices.items())


def _length(compare: str) -> str:
    return re.sub(r"(\d)([a-z])", r"\1 \2", compare.removeprefix("prior:"))


def _suggestions(asks: Asks, question: Question, field: str, dimensions: tuple[Dimension, ...]) -> Suggestions | None:
    """Return the values of a field, by the first metric, of the rows that the other filters leave."""
    if not field:
        return None
    if not any(field in (d.name, d.name.rpartition(".")[2]) for d in dimensions):
        fault = Fault("FH-A112", f"`{field}` is no field of these metrics.", "Choose one of the list.")
        return Suggestions(field, (), fault, question.address())
    metric = question.metrics[0]
    others = tuple(f for f in question.filters if f.field != field)
    asks_for = replace(question, metrics=(metric,), by=(field,), filters=others, compare="", having="",
                       order=(f"-{metric}",), limit=_MOST_SUGGESTED)  # fmt: skip
    try:
        answer = asks.answer(asks_for.query(), MOST_ROWS)
    except FreeholdError as error:
        return Suggestions(field, (), fault_of(error), question.address())
    told = answered(asks.catalogue, answer, asks_for, 1, "/explore", ())
    values = answer.table.column(0).to_pylist()
    found = tuple(
        Suggested(
            row[0].text,
            row[1].text,
            question.adding(one).address(),
            question.adding(replace(one, is_not=True)).address(),
        )
        for row, one in zip(told.rows, (Filter(field, _word_of(v)) for v in values), strict=False)
    )
    return Suggestions(field, found, None, question.address())


def _word_of(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _spoken(one: Filter) -> str:
    return f"{one.field} {'is not' if one.is_not else 'is'} {_value_in(one)}"


def _value_in(one: Filter) -> str:
    return "unknown" if one.value is None else one.value


def spoken_filters(filters: Sequence[Filter]) -> str:
    """Return filters as they are meant together: values of one field are alternatives, fields all hold."""
    groups: dict[tuple[str, bool], list[Filter]] = {}
    for one in filters:
        groups.setdefault((one.field, one.is_not), []).append(one)
    told = [_spoken_group(group) for group in groups.values()]
    return ", and ".join(told) if len(told) < len(filters) else joined(told)


def _spoken_group(filters: Sequence[Filter]) -> str:
    if len(filters) == 1:
        return _spoken(filters[0])
    values = [_value_in(one) for one in filters]
    if filters[0].is_not:
        return f"{filters[0].field} is none of {joined(values)}"
    return f"{filters[0].field} is {joined(values, 'or')}"


def sentence(catalogue: Catalogue, question: Question) -> str:
    """Return in a sentence what is shown: which metrics, by what, of which rows, when, beside what."""
    told = joined([named(catalogue, name) for name in question.metrics]) if question.metrics else "Nothing"
    keys = [key.replace("_", " ") if is_grain(key) else f"`{key}`" for key in question.by]
    told += f" by {joined(keys)}" if keys else ""
    told += f", where {spoken_filters(question.filters)}" if question.filters else ""
    told += f", where `{question.where}`" if question.where else ""
    if question.start or question.end:
        told += f", from {question.start or 'the beginning'} to {question.end or 'now'}"
    told += f", beside {_length(question.compare)} before" if question.compare else ""
    drafts = [
        named(catalogue, n)
        for n in question.metrics
        if n in {m for one in catalogue.metrics() if one.status != "certified" for m in (one.id, one.name)}
    ]
    return told + (f". Not certified: {joined(drafts)}." if drafts else ".")


def named(catalogue: Catalogue, name: str) -> str:
    """Return what people call a metric; the name as it was written, where there is none."""
    found = next((m for m in catalogue.metrics() if name in (m.id, m.name)), None)
    return label_of(found) if found else f"`{name}`"


def _snippets(asked: Asked, question: Question) -> tuple[Snippet, ...]:
    shown = _in_order(question)
    return (
        Snippet("Python", as_python(shown, asked.snapshot.estate.root.name)),
        Snippet("YAML, as `POST /api/v1/query` takes it", as_yaml(shown)),
        Snippet("Terminal", as_command(shown)),
        Snippet("Address", f"{asked.served.settings.address}{question.address()}"),
    )


def hashes_of(catalogue: Catalogue, question: Question) -> dict[str, str]:
    """Return the hashes of the definitions that a question is asked by, by the metrics' ids."""
    found = [catalogue.metric(name) for name in question.metrics]
    return {one.id: definition_hash(catalogue, one) for one in found}


def _saved(asked: Asked, catalogue: Catalogue, view: View | None) -> Saved | None:
    if view is None:
        return None
    now = {m.id: definition_hash(catalogue, m) for m in catalogue.metrics() if m.id in view.definitions}
    is_mine = view.owner == asked.who.principal
    return Saved(view.id, view.name, view.description, view.owner_name, is_mine, view.changed(now))


async def _csv(request: Request) -> Response:
    return await run_in_threadpool(_file, request, "csv")


async def _parquet(request: Request) -> Response:
    return await run_in_threadpool(_file, request, "parquet")


def _file(request: Request, form: str) -> Response:
    asked = asked_of(request)
    question = _in_order(question_of(request.query_params.multi_items()))
    asks = Asks(asked.served, asked.snapshot, asked.who)
    answer = _recorded(asked, asks, question, _MOST_ON_FILE)
    kind = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}[form]
    body = as_csv(answer.table).encode() if form == "csv" else as_parquet(answer.table)
    name = "-".join(part.rpartition(".")[2] for part in (*question.metrics[:2], *question.by[:2])) or "answer"
    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in name if c.isascii())
    return Response(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{safe}.{form}"'})
