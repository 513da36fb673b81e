"""`dashboards.csv`: a plain list, a row for each thing a dashboard reads.

Columns, in any order: `dashboard` (the id; the one that must be there), `name`, `kind`, `owner`, `viewers`, `url`,
`reads` (an asset or `schema.table`), `column` (empty for all of it), `metric`. What is said of a dashboard itself may
stand in any of its rows, and need not be repeated.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from freehold.connect.bi.files import Export, broken
from freehold.connect.bi.telling import Telling, slug
from freehold.estate.dashboards import Dashboard, Reading
from freehold.foundation import FreeholdError, Where, near

COLUMNS = ("dashboard", "name", "kind", "owner", "viewers", "url", "reads", "column", "metric")
KINDS = ("dashboard", "report", "notebook", "application", "ml")
_ITSELF = ("name", "kind", "owner", "viewers", "url")


@dataclass
class _Listed:
    where: Where
    said: dict[str, tuple[str, int]] = field(default_factory=dict)  # of itself: the value and its line
    reads: dict[Reading, None] = field(default_factory=dict)
    metrics: dict[str, None] = field(default_factory=dict)


def read(files: Iterable[Export], telling: Telling) -> None:
    """Add what lists tell; a list with an error tells nothing, and all its errors are told."""
    for export in files:
        try:
            rows = list(_rows(export))
        except FreeholdError as error:
            telling.errors.append(error)
            continue
        listed, errors = _listed(export.path, rows)
        telling.errors += errors
        if not errors:
            telling.dashboards += [_dashboard(id_, one, export) for id_, one in listed.items()]


def _rows(export: Export) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows that say anything, each with its line.

    Raises:
        FreeholdError: FH-X204 the header is not that of such a list; FH-X205 a row has more cells than it.
    """
    reader = csv.reader(io.StringIO(export.text(), newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _known(header, export.path)
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(cells) > len(header):
                    problem = f"The row has {len(cells)} cells, the header {len(header)}"
                    raise _wrong(export.path, line, problem, "Quote a value that has a comma in it.")
                yield line, {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
            line = reader.line_num + 1
    except csv.Error as error:
        raise broken(export.path, str(error), reader.line_num) from error


def _known(header: Sequence[str], path: str) -> None:
    where = Where(path, 1, 1)
    listed = f"The columns are {', '.join(COLUMNS)}; `dashboard` must be there."
    if "dashboard" not in header:
        separated = "Separate them by commas. " if len(header) == 1 and header[0].count(";") > 1 else ""
        raise FreeholdError("FH-X204", "The list has no column `dashboard`.", where=where, fix=separated + listed)
    for name in header:
        if name not in COLUMNS:
            raise FreeholdError(
                "FH-X204", f"The list has a column `{name}`.", where=where, fix=near(name, COLUMNS) or listed
            )
        if header.count(name) > 1:
            raise FreeholdError("FH-X204", f"The column `{name}` stands twice.", where=where, fix="Keep one.")


def _listed(path: str, rows: Iterable[tuple[int, dict[str, str]]]) -> tuple[dict[str, _Listed], list[FreeholdError]]:
    found: dict[str, _Listed] = {}
    errors: list[FreeholdError] = []
    for line, row in rows:
        try:
            _check(path, line, row)
        except FreeholdError as error:
            errors.append(error)
            continue
        one = found.setdefault(slug(*row["dashboard"].split("/")), _Listed(Where(path, line, 1)))
        for name in _ITSELF:
            value = row.get(name, "")
            before, at = one.said.setdefault(name, (value, line)) if value else (value, line)
            if before != value:
                problem = f"`{row['dashboard']}` has the {name} `{value}` here and `{before}` in line {at}"
                errors.append(_wrong(path, line, problem, "Say it once."))
        if row.get("reads"):
            one.reads.setdefault(Reading(row["reads"], row.get("column", ""), Where(path, line, 1)))
        if row.get("metric"):
            one.metrics[row["metric"]] = None
    return found, errors


def _check(path: str, line: int, row: dict[str, str]) -> None:
    """Raise what is wrong with a row by itself."""
    if not row["dashboard"]:
        raise _wrong(path, line, "The row names no dashboard", "Repeat the id in each of its rows.")
    if row.get("column") and not row.get("reads"):
        fix = "Name the asset, such as sales.orders.daily, or the table, such as sales_orders.daily, in `reads`."
        raise _wrong(path, line, f"The column `{row['column']}` is of nothing", fix)
    viewers = row.get("viewers", "")
    if viewers and not (viewers.isascii() and viewers.isdigit() and len(viewers) < 12):
        fix = "Write how many people opened it in the last 30 days, such as 41; leave it empty if nobody counted."
        raise _wrong(path, line, f"`{viewers}` viewers are no whole number", fix)
    kind = row.get("kind", "")
    if kind and kind not in KINDS:
        raise _wrong(path, line, f"`{kind}` is no kind of consumer", near(kind, KINDS) or f"One of {', '.join(KINDS)}.")


def _wrong(path: str, line: int, problem: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-X205", f"{problem}.", where=Where(path, line, 1), fix=fix)


def _dashboard(id_: str, one: _Listed, export: Export) -> Dashboard:
    said = {name: value for name, (value, _) in one.said.items()}
    return Dashboard(
        id=id_,
        name=said.get("name", id_),
        tool="csv",
        where=one.where,
        kind=said.get("kind", "dashboard"),
        owner=said.get("owner", export.owner),
        viewers=int(said["viewers"]) if "viewers" in said else None,
        url=said.get("url", ""),
        reads=tuple(one.reads),
        metrics=tuple(one.metrics),
    )
