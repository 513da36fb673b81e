"""An answer as a page shows it: rows of cells that lead on, a picture that fits, and what to know about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING, Any

from freehold.foundation import FreeholdError
from freehold.foundation.words import counted, plain
from freehold.metrics.answering import unfinished
from freehold.metrics.tables import unit_of
from freehold.metrics.telling import in_part, number
from freehold.metrics.timing import GRAINS
from freehold.server.questions import Question
from freehold.server.web.drawing import Value, line_chart, period_labels
from freehold.server.web.model import Chart, Fact, Mark
from freehold.server.web.pages.explain import EXPLAINED, STATES, address_of
from freehold.server.web.pages.metrics import instant_of, is_number, label_of
from freehold.server.web.picturing import MOST_DRAWN, MOST_LINES, Bars, Lines, Strips, bars, lines, strips

if TYPE_CHECKING:
    from pyarrow import Table

    from freehold.metrics import Answer, Catalogue
    from freehold.metrics.dimensions import Dimension

PER_PAGE = 100  # rows of a page: the rest is a link away, so that no browser holds 100,000
_FINER = {"year": "quarter", "quarter": "month", "month": "week", "week": "day", "fiscal_year": "fiscal_quarter"}
_MOST_CHARTS = 4
_COMPARED = {"_change_share": ", change in %", "_change": ", change", "_prior": ", before", "": ""}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the answer, and what people call it; `href` sorts by it, `sorted` says how it is sorted now."""

    name: str
    called: str
    unit: str
    is_number: bool
    href: str
    sorted: str = "none"


@dataclass(frozen=True, slots=True)
class Cell:
    """A value: as it is said, as it is, and where it leads. A time stands in one line, as a number does."""

    text: str
    value: Any
    href: str = ""
    is_number: bool = False
    is_time: bool = False


@dataclass(frozen=True, slots=True)
class Pages:
    """Which rows are shown of how many, and the ways to the others."""

    told: str
    first: str
    before: str
    after: str
    last: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer of a question."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    pages: Pages
    find: str
    is_long: bool  # whether there are more rows than a page has, so that the server finds among them
    charts: tuple[Chart, ...]
    lines: Lines | None
    strips: Strips | None
    bars: Bars | None
    not_drawn: str
    state: Mark
    data_until: datetime | None
    trust: Mark
    facts: tuple[Fact, ...]
    notes: tuple[str, ...]
    query_id: str
    csv: str
    parquet: str


def answered(
    catalogue: Catalogue, answer: Answer, question: Question, page: int, path: str,
    dimensions: Sequence[Dimension] = (), find: str = "",
) -> Answered:  # fmt: skip
    """Return an answer as a page shows it.

    Args:
        catalogue: of the metrics.
        answer: with its id, if it was remembered.
        question: what was asked.
        page: which 100 rows, from 1.
        path: of the page that it is shown on, to which its pages lead.
        dimensions: by what it could be asked; a click on a value goes on to the first of few values that is not taken.
        find: words that rows must have among their keys to be shown; the picture is of all.
    """
    names = answer.compiled.columns
    units = [unit_of(catalogue, name) for name in names]
    table = _found(answer.table, len(answer.compiled.keys), find)
    last = max(1, -(-table.num_rows // PER_PAGE))
    here = min(max(page, 1), last)
    shown = table.slice((here - 1) * PER_PAGE, PER_PAGE)
    cells = _Cells(catalogue, answer, question, units, [d.name for d in dimensions if d.is_of_few])
    charts, several, heat, lengths, not_drawn = _drawn(catalogue, answer, question, units, cells)
    return Answered(
        columns=tuple(_columns(catalogue, answer, question, dimensions, units, find)),
        rows=tuple(cells.row(list(row.values())) for row in shown.to_pylist()),
        pages=_pages(question, path, here, last, table.num_rows, find, answer.table.num_rows),
        find=find,
        is_long=answer.table.num_rows > PER_PAGE,
        charts=charts,
        lines=several,
        strips=heat,
        bars=lengths,
        not_drawn=not_drawn,
        state=STATES.get(answer.state, Mark("warn", answer.state)),
        data_until=answer.data_until.replace(tzinfo=UTC) if answer.data_until else None,
        trust=_trust(catalogue, answer),
        facts=tuple(_facts(catalogue, answer)),
        notes=tuple(_notes(catalogue, answer)),
        query_id=answer.id,
        csv=question.address("/explore.csv"),
        parquet=question.address("/explore.parquet"),
    )


@dataclass(frozen=True)
class _Cells:
    """Makes the cells of rows: a value of a key narrows to it, a number by time leads to what explains it."""

    catalogue: Catalogue
    answer: Answer
    question: Question
    units: Sequence[str]
    drill: Sequence[str]

    def row(self, values: Sequence[Any]) -> tuple[Cell, ...]:
        """Return one row."""
        keys = len(self.answer.compiled.keys)
        told = [self.key(i, values[i]) for i in range(keys)]
        return (*told, *(self._number(i, values) for i in range(keys, len(values))))

    def key(self, i: int, value: Any) -> Cell:
        """Return the cell of a key."""
        key = self.answer.compiled.query.by[i]
        if key.is_time or key.grain:
            href = self._into(key.text, key.grain, value) if key.is_time else ""
            return Cell(_said(value, ""), plain(value) if value is not None else None, href, is_time=True)
        left = [name for name in self.drill if not is_taken(name, self.question)]
        by = tuple(dict.fromkeys(left[0] if name == key.text and left else name for name in self.question.by))
        text = None if value is None else _word(value)
        narrowed = replace(self.question.narrowed(key.text, text), by=by)
        is_time = isinstance(value, date | datetime)
        return Cell(_said(value, ""), _plainly(value), narrowed.address(), is_time=is_time)

    def _into(self, text: str, grain: str | None, value: Any) -> str:
        finer = _FINER.get(grain or "")
        if value is None or finer is None:
            return ""
        first, last = _bounds(self.catalogue, self.answer, grain or "", value)
        by = tuple(finer if name == text else name for name in self.question.by)
        return replace(self.question, by=by, start=first, end=last, order=()).address()

    def _number(self, i: int, values: Sequence[Any]) -> Cell:
        value = values[i]
        if not is_number(value):
            return Cell("—" if value is None else _said(value, ""), _plainly(value), is_number=True)
        return Cell(_said(value, self.units[i]), _plainly(value), self._explained(i, values), is_number=True)

    def _explained(self, i: int, values: Sequence[Any]) -> str:
        made = self.answer.compiled
        time, name = made.query.time, made.columns[i]
        if time is None or time.grain not in EXPLAINED or name not in made.query.metrics:
            return ""
        rows, at = Question(filters=self.question.filters, where=self.question.where), None
        for key, value in zip(made.query.by, values, strict=False):
            if key.is_time:
                at = value
            elif key.grain:
                return ""
            else:
                rows = rows.narrowed(key.text, None if value is None else _word(value))
        return address_of(made.lowered.ids[name], time.grain or "", str(at), rows) if at is not None else ""


def _bounds(catalogue: Catalogue, answer: Answer, grain: str, value: Any) -> tuple[str, str]:
    """Return the first and the last day of a period."""
    calendar = catalogue.models[catalogue.metric(answer.compiled.query.metrics[0]).model].calendar
    start = datetime(value.year, value.month, value.day)  # noqa: DTZ001 a local day of the reporting zone
    last = calendar.step(grain).after(start) - timedelta(days=1)
    return f"{start:%Y-%m-%d}", f"{last:%Y-%m-%d}"


def _found(table: Table, keys: int, find: str) -> Table:
    """Return the rows whose keys have all the words, in any of them and in whatever case."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for word in find.lower().split():
        has = [
            pc.match_substring(pc.utf8_lower(pc.fill_null(table.column(i).cast(pa.string()), "unknown")), word)
            for i in range(keys)
        ]
        if has:
            table = table.filter(reduce(pc.or_, has))
    return table


def _columns(
    catalogue: Catalogue, answer: Answer, question: Question, dimensions: Sequence[Dimension], units: Sequence[str],
    find: str,
) -> Iterator[Column]:  # fmt: skip
    ordered, labels = dict(answer.compiled.query.order), {d.name: d.label for d in dimensions}
    for i, (name, unit) in enumerate(zip(answer.compiled.columns, units, strict=True)):
        is_key = i < len(answer.compiled.keys)
        descends = ordered.get(name)
        turned = f"-{name}" if (descends is None and not is_key) or descends is False else name
        now = "none" if descends is None else "descending" if descends else "ascending"
        called = _key_called(name, labels) if is_key else _value_called(catalogue, name)
        yield Column(name, called, unit, not is_key, replace(question, order=(turned,)).address(find=find), now)


def _key_called(name: str, labels: Mapping[str, str]) -> str:
    """Return what people call a key: the label of its field, else its name in words, with the period it is cut into."""
    field, _, grain = name.partition(":")
    label = labels.get(field) or next((one for full, one in labels.items() if full.endswith(f".{field}")), "")
    words = label or field.rpartition(".")[2].replace("_", " ")
    return words[:1].upper() + words[1:] + (f", {grain}" if grain else "")


def _value_called(catalogue: Catalogue, name: str) -> str:
    """Return what people call a column of values: its metric's label, and how it is compared."""
    for ending, how in _COMPARED.items():
        try:
            if name.endswith(ending):
                return label_of(catalogue.metric(name.removesuffix(ending))) + how
        except FreeholdError:
            continue
    return name


def _pages(question: Question, path: str, here: int, last: int, rows: int, find: str, whole: int) -> Pages:
    first, until = (here - 1) * PER_PAGE + 1, min(here * PER_PAGE, rows)
    told = f"{first:,} to {until:,} of {rows:,} rows" if last > 1 else counted(rows, "rows")
    told += f" found in {whole:,}" if find else ""

    def to(page: int) -> str:
        more = {"page": str(page)} if page > 1 else {}
        return question.address(page_of(path), **more, find=find) if 1 <= page <= last and page != here else ""

    return Pages(told, to(1), to(here - 1), to(here + 1), to(last))


def page_of(path: str) -> str:
    """Return the page on which a question stands by itself: a view's pages are those of its question."""
    return "/explore" if path.startswith("/views") else path


Drawn = tuple[tuple[Chart, ...], Lines | None, Strips | None, Bars | None, str]


def _drawn(catalogue: Catalogue, answer: Answer, question: Question, units: Sequence[str], cells: _Cells) -> Drawn:
    """Return the picture that fits: by one time lines, by time and a key lines or strips, by keys alone bars."""
    query, table = answer.compiled.query, answer.table
    keys = len(query.by)
    if not keys or table.num_rows < 2 or table.num_columns <= keys:
        return (), None, None, None, ""
    if table.num_rows > MOST_DRAWN:
        return (), None, None, None, f"More than {MOST_DRAWN:,} rows are not drawn; narrow them down."
    columns = [table.column(i).to_pylist() for i in range(table.num_columns)]
    at = next((i for i, key in enumerate(query.by) if key.is_time), None)
    if at is not None and keys == 1:
        return tuple(_by_time(catalogue, answer, question, columns, units)), None, None, None, ""
    title = f"{query.metrics[0]} by {' and '.join(k.text for k in query.by)}"
    if at is not None and keys == 2:
        return _over_time(title, units[keys], columns, at, 1 - at)
    if at is None:
        named = [
            (", ".join(_said(columns[k][r], "") for k in range(keys)), float(columns[keys][r]),
             cells.key(0, columns[0][r]).href if keys == 1 else "")
            for r in range(table.num_rows) if is_number(columns[keys][r])
        ]  # fmt: skip
        return (), None, None, bars(title, units[keys], named), ""
    return (), None, None, None, "By time and several keys there is no picture; the table has it."


def _by_time(
    catalogue: Catalogue, answer: Answer, question: Question, columns: Sequence[Sequence[Any]], units: Sequence[str]
) -> Iterator[Chart]:
    time, rows = answer.compiled.query.by[0], Question(filters=question.filters, where=question.where)
    is_partial = unfinished(catalogue, answer) is not None
    for i, name in enumerate(answer.compiled.columns):
        if i == 0 or name not in answer.compiled.query.metrics or i > _MOST_CHARTS:
            continue
        pairs = sorted((k, v) for k, v in zip(columns[0], columns[i], strict=True) if k is not None and is_number(v))
        values = [Value(instant_of(k), str(k)[:10], float(v)) for k, v in pairs]
        metric = answer.compiled.lowered.ids[name]

        def explained(value: Value, metric: str = metric) -> str:
            return address_of(metric, time.grain or "", value.key, rows)

        leads = explained if time.grain in EXPLAINED else None
        made = line_chart(name, units[i], values, is_partial=is_partial, explained=leads)
        if made is not None:
            yield made


def _over_time(title: str, unit: str, columns: Sequence[Sequence[Any]], time: int, key: int) -> Drawn:
    series: dict[str, dict[str, float]] = {}
    instants: dict[str, datetime] = {}
    for at, name, value in zip(columns[time], columns[key], columns[2], strict=True):
        if at is not None and is_number(value):
            period = str(at)[:16]
            instants[period] = instant_of(at)
            series.setdefault(_said(name, ""), {})[period] = float(value)
    periods = sorted(instants)
    if len(series) > MOST_LINES:
        return (), None, strips(title, unit, series, periods), None, ""
    labels = period_labels([instants[p] for p in periods])
    return (), lines(title, unit, series, periods, labels), None, None, ""


def _trust(catalogue: Catalogue, answer: Answer) -> Mark:
    drafts = [name for name in answer.definitions if catalogue.metric(name).status != "certified"]
    return Mark("warn", "not certified") if drafts else Mark("ok", "certified")


def _facts(catalogue: Catalogue, answer: Answer) -> Iterator[Fact]:
    for name, hash_ in answer.definitions.items():
        metric = catalogue.metric(name)
        yield Fact(name, f"{metric.status}, definition {hash_[:12]}", href=f"/metrics/{metric.id}")
    for source in answer.sources:
        yield Fact("From", source.name, href=f"/products/{source.product}" if source.product else "")
    yield Fact("Computed", "before, from the same data" if answer.is_kept else f"now, in {answer.seconds:.2f} s")
    if answer.id:
        yield Fact("Answer", answer.id, is_code=True)


def _notes(catalogue: Catalogue, answer: Answer) -> Iterator[str]:
    yield from answer.notes
    for source in answer.sources:
        if source.reasons and source.state != "unknown":
            yield " ".join(source.reasons)
    for name in answer.compiled.query.metrics:
        metric = catalogue.metric(name)
        if metric.status == "deprecated":
            yield f"`{name}` is deprecated.{f' Use `{metric.replaced_by}`.' if metric.replaced_by else ''}"
    if (last := unfinished(catalogue, answer)) is not None:
        yield f"The period from {last} is not over: data up to {answer.data_until:%Y-%m-%d %H:%M}."
    if told := in_part(answer.policies):
        yield told
    if answer.is_cut:
        yield "There are more rows than one answer may have; the first are shown."


def _said(value: Any, unit: str) -> str:
    if value is None:
        return "unknown"
    if is_number(value):
        return number(value, unit)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return _word(value)


def _word(value: Any) -> str:
    """Return a value as a condition has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _plainly(value: Any) -> Any:
    return plain(value) if isinstance(value, Decimal | date | datetime | timedelta) else value


def is_taken(name: str, question: Question) -> bool:
    """Whether a question is by a field already, or narrowed to one value of it; its bare name means it, too."""
    used = {*question.by, *(one.field for one in question.filters if not one.is_not)}
    return name in used or name.rpartition(".")[2] in used


def is_grain(word: str) -> bool:
    """Whether a key of a question is the time of its metrics."""
    return word in GRAINS or word in ("fiscal_quarter", "fiscal_year")
