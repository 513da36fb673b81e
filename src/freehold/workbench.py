"""Freehold from Python: open an estate, ask its metrics, have Arrow.

import freehold

with freehold.open("my-estate") as estate:
    answer = estate.metrics.query(["revenue", "orders"], by=["month"])
    answer.arrow          # a pyarrow.Table; pandas, polars and DuckDB take the answer itself, too
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from html import escape
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from freehold.cli.query import Asking
    from freehold.metrics import Answer

_MOST_SHOWN = 20  # rows of an answer in a notebook


class Result:
    """An answer: a table of numbers, how it came to be, and whether it may be trusted."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    @property
    def arrow(self) -> pa.Table:
        """The numbers as a `pyarrow.Table`: the keys, then the metrics."""
        return self.answer.table

    @property
    def sql(self) -> str:
        """The statement that was run, laid out for reading."""
        return self.answer.compiled.pretty()

    @property
    def state(self) -> str:
        """Whether newer data is held or late, or what is live fails its checks; `ok` where none of it is so."""
        return self.answer.state

    @property
    def id(self) -> str:
        """The id by which `freehold explain` tells how it came to be."""
        return self.answer.id

    def rows(self) -> list[dict[str, Any]]:
        """Return the numbers as one mapping a row."""
        found: list[dict[str, Any]] = self.answer.table.to_pylist()
        return found

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the numbers to whatever speaks Arrow's C interface."""
        return self.answer.table.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self.answer.table.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows())

    def __repr__(self) -> str:
        names = ", ".join(self.answer.compiled.columns)
        return f"<{len(self)} rows of {names}; {self.state}; freehold explain {self.id}>"

    def _repr_html_(self) -> str:
        """Show a chart and the first rows in a notebook."""
        from freehold.metrics.charts import chart

        table = self.answer.table
        heads = "".join(f"<th>{escape(name)}</th>" for name in table.column_names)
        body = "".join(
            "<tr>" + "".join(f"<td>{'' if v is None else escape(_shown(v))}</td>" for v in row.values()) + "</tr>"
            for row in table.slice(0, _MOST_SHOWN).to_pylist()
        )
        more = f"<p>{len(self) - _MOST_SHOWN:,} rows more</p>" if len(self) > _MOST_SHOWN else ""
        told = f"<p><small>{escape(self.state)} · freehold explain {escape(self.id)}</small></p>"
        drawn = chart(table, len(self.answer.compiled.keys))
        return f"{drawn}<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{more}{told}"


class Metrics:
    """The metrics of an open estate."""

    def __init__(self, asks: Asking) -> None:
        self._asks = asks

    def __iter__(self) -> Iterator[str]:
        return (metric.id for metric in self._asks.catalogue.metrics())

    def query(
        self,
        metrics: Sequence[str] | str,
        by: Sequence[str] | str = (),
        *,
        where: str | None = None,
        start: str | None = None,
        end: str | None = None,
        having: str | None = None,
        order: Sequence[str] = (),
        limit: int | None = None,
        compare: str | None = None,
        zone: str | None = None,
    ) -> Result:
        """Answer a question: metrics by keys.

        Args:
            metrics: names, `revenue` or `sales.revenue`.
            by: `buyer.country`, `month`, `buyer.signed_up:year`.
            where: which rows, as a condition over fields: `channel = 'web'`.
            start: the first day (`--from` of the command): `2011`, `2011-03`, `2011-03-07`.
            end: the last day, included (`--to`): `2011-03` is all of March.
            having: which rows of the answer, as a condition over its columns: `revenue > 1000`.
            order: columns of the answer; `-revenue` descends.
            limit: the most rows.
            compare: `prior:1month` adds the value a month before, and the change.
            zone: the time zone in which days are counted (`--timezone`): `Europe/London`.

        Raises:
            FreeholdError: what has no one right answer is refused, with what would do instead.
        """
        from freehold.metrics import asked
        from freehold.metrics.recording import remembered

        question: dict[str, Any] = {
            "metrics": _listed(metrics), "by": _listed(by), "where": where, "start": start, "end": end,
            "having": having, "order": list(order), "limit": limit, "compare": compare, "zone": zone,
        }  # fmt: skip
        answer = self._asks.answerer.answer(asked(**question))
        delivery = self._asks.delivery
        return Result(
            remembered(delivery.ledger, answer, question, delivery.caller, env=delivery.env, channel="python")
        )

    def sql(self, metrics: Sequence[str] | str, by: Sequence[str] | str = (), **said: Any) -> str:
        """Return the SQL of a question, without running it; `said` is what `query` takes."""
        from freehold.metrics import asked

        return self._asks.answerer.compile(asked(_listed(metrics), _listed(by), **said)).pretty()


class OpenEstate:
    """An estate with one of its environments open. Use it in a `with`, or close it."""

    def __init__(self, folder: Path | str = ".", env: str | None = None) -> None:
        from freehold.cli.query import asking

        self._closing = ExitStack()
        self.metrics = Metrics(self._closing.enter_context(asking(str(folder), env)))

    def close(self) -> None:
        """Let others have the warehouse."""
        self._closing.close()

    def __enter__(self) -> OpenEstate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _listed(names: Sequence[str] | str) -> list[str]:
    return [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)


def _shown(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
