"""From readings to results: the measured value of a check, its verdict, and the SQL that shows failing rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlglot import exp

from freehold.quality import sqltree as sql
from freehold.quality.judging import Incomparable, verdict_of
from freehold.quality.layout import Question, Terms, dangles, has_key
from freehold.quality.measures import Aggregate, Dangling, Nulls, RowCount, Scalar, Settled, Surplus, Violations
from freehold.quality.model import Check, Result, Verdict
from freehold.quality.reading import Fill, Readings
from freehold.quality.state import ColumnProfile, TableState

COUNTING = (Violations, Nulls, Surplus, Dangling)


@dataclass(frozen=True)
class Asker:
    """What turns a question and its readings into a result; made once for an evaluation."""

    readings: Readings
    fill: Fill
    now: datetime
    merged: TableState  # of the rows and the rest, as far as the rest is known
    sample: Callable[[Question], str | None]  # the text, with tokens, that selects failing rows

    def result(self, question: Question) -> Result:
        """Return the verdict on one check."""
        measure, check = question.measure, question.check
        if isinstance(measure, Settled):
            return settled(check, measure)
        broken = next((k for _, k in (*question.terms, *question.totals) if k in self.readings.errors), None)
        if broken:
            return self._said(question, Verdict.ERROR, reason=self.readings.errors[broken])
        try:
            return self._judged(question)
        except Incomparable as error:
            return self._said(question, Verdict.ERROR, reason=str(error))

    def _judged(self, question: Question) -> Result:
        measure, check = question.measure, question.check
        if isinstance(measure, COUNTING):
            return self._counted(question)
        value = self._value(question)
        if isinstance(measure, Aggregate) and measure.is_age:
            return self._aged(question, value)
        if value is None:
            return self._valueless(question)
        verdict = verdict_of(check, value)
        reason = "" if verdict is Verdict.PASS else "the measured value is not a number" if value != value else ""
        total = self._sum(question.totals) if isinstance(measure, RowCount) else None
        return self._said(question, verdict, value=value, total=total, reason=reason)

    def _value(self, question: Question) -> Any:
        if question.merged is not None:
            return merged_value(question.measure, self.merged.columns[question.merged], self.merged.rows)
        if len(question.terms) == 1:  # a value that is no number does not add up
            return self.readings.values[question.terms[0][1]]
        return self._sum(question.terms)

    def _counted(self, question: Question) -> Result:
        check = question.check
        failing, total = self._sum(question.terms), self._sum(question.totals)
        if check.unit == "percent" and not total:
            return self._said(
                question, Verdict.PASS, value=0.0, failing=0, total=0, reason="there are no rows to judge"
            )
        value = 100 * failing / total if check.unit == "percent" else failing
        verdict = verdict_of(check, value)
        reason = "there are no rows to judge" if not total else ""
        return self._said(question, verdict, value=value, failing=failing, total=total, reason=reason)

    def _valueless(self, question: Question) -> Result:
        if isinstance(question.measure, Scalar) or question.check.kind == "sql":
            reason = "the query gave no value: neither pass nor fail. Give it one with coalesce(…, 0)."
            return self._said(question, Verdict.ERROR, reason=reason)
        return self._said(question, Verdict.SKIPPED, reason="there are no values to measure")

    def _aged(self, question: Question, newest: Any) -> Result:
        check = question.check
        if newest is None:
            verdict = Verdict.FAIL if check.blocking else Verdict.WARN
            return self._said(question, verdict, reason="nothing has arrived: the column has no values")
        age = (self.now - _instant(newest)).total_seconds()
        return self._said(question, verdict_of(check, age), value=age, reason=f"the newest is from {newest}")

    def _sum(self, terms: Terms) -> Any:
        values = self.readings.values
        return sum(sign * values[key] for sign, key in terms)

    def _said(self, question: Question, verdict: Verdict, **fields: Any) -> Result:
        readings = self.readings
        keys = [key for _, key in reversed(question.terms)]
        unread = "merged states" if question.merged else "isolated"
        failed = verdict in (Verdict.FAIL, Verdict.WARN)
        sample = self.sample(question) if failed and fields.get("failing") else None
        return Result(
            question.check,
            verdict,
            decided_by=next((readings.rules[k] for k in keys if k in readings.rules), unread),
            sql=next((readings.statements[k] for k in keys if k in readings.statements), None),
            sample_sql=self.fill(sample) if sample else None,
            cost_s=sum(readings.seconds.get(k, 0.0) for k in keys),
            **fields,
        )


def merged_value(measure: Any, column: ColumnProfile, rows: int) -> Any:
    """Return a plain min, max, sum, avg or stddev from a merged profile; None where there are no values."""
    tree, filled = measure.tree, rows - (column.nulls or 0)
    if isinstance(tree, exp.Min | exp.Max):
        return column.minimum if isinstance(tree, exp.Min) else column.maximum
    if filled == 0 or isinstance(tree, exp.Sum):
        return column.total
    if isinstance(tree, exp.Avg):
        return float(column.total / filled)
    return math.sqrt((column.m2 or 0.0) / (filled - 1)) if filled > 1 else None


def settled(check: Check, measure: Settled) -> Result:
    """Return the result of a check that needed no reading."""
    return Result(
        check, measure.verdict, value=measure.value, failing=measure.failing, total=measure.total,
        decided_by=measure.rule, reason=measure.reason,
    )  # fmt: skip


def _instant(value: date) -> datetime:
    """Return a stored date or timestamp as an instant; one without a zone is UTC."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def sample_of(question: Question, key: Sequence[str], names: Sequence[str]) -> exp.Select | None:
    """Return a query for the rows that fail a question's check: key columns first, then those judged, then the rest."""
    measure, where = question.measure, question.where
    if isinstance(measure, Surplus):
        keys = [sql.column(c) for c in measure.columns]
        found = sql.fetch([*keys, sql.aliased(sql.count(), "repeated_rows")], sql.table(where))
        found.set("where", exp.Where(this=has_key(measure.columns)))
        found.set("group", exp.Group(expressions=[k.copy() for k in keys]))
        found.set("having", exp.Having(this=exp.GT(this=sql.count(), expression=exp.Literal.number(1))))
        return found
    judged = _judged_columns(measure)
    chosen = list(dict.fromkeys([*key, *(c for c in names if c in judged), *names]))
    if isinstance(measure, Dangling):
        found = sql.fetch([sql.column(c, "here") for c in chosen], sql.table(where, "here"))
        found.set("where", exp.Where(this=dangles(measure)))
        return found
    if not isinstance(measure, Violations | Nulls):
        return None
    condition = measure.condition if isinstance(measure, Violations) else sql.is_null(sql.column(measure.column))
    found = sql.fetch([sql.column(c) for c in chosen], sql.table(where))
    found.set("where", exp.Where(this=condition.copy()))
    return found


def _judged_columns(measure: Any) -> frozenset[str]:
    if isinstance(measure, Nulls):
        return frozenset((measure.column,))
    return frozenset(getattr(measure, "columns", ()))
