"""`freehold metrics suggest-rollups`: which tables would have answered what was asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import environment, waiting
from freehold.cli.output import as_json, counted, emit, say, table
from freehold.foundation.words import percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from freehold.cli.query import Asking
    from freehold.metrics.rollups import Content
    from freehold.metrics.rollups.suggesting import Advice, Asked, Suggested

_MOST_QUESTIONS = 500
_MOST_SHOWN = 8  # questions that would not be helped


@click.command("suggest-rollups", epilog="Example: freehold metrics suggest-rollups --most 2 --write")
@click.option("--most", default=3, show_default=True, type=click.IntRange(1, 20), help="How many at most.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650), help="Of the last so many days.")
@click.option("--write", is_flag=True, help="Add them to the files of their models.")
@environment
@waiting
@as_json
@click.pass_obj
def suggest_rollups(
    start: str | None, most: int, days: int, write: bool, env: str | None, wait_s: float, as_json: bool
) -> None:
    """Suggest rollups that would have answered most of the time that recorded questions took.

    Each with the answers it would have been read for, their seconds, and the rows it would have, counted in the
    warehouse. Answers that were kept from before took no time and do not count. What would still be read from rows is
    listed with the reason.
    """
    from freehold.cli.query import asking
    from freehold.metrics.rollups.suggesting import advice

    with asking(start, env, wait_s=wait_s) as asks:
        taken = [id_.rpartition(".")[2] for id_ in asks.delivery.graph.assets]
        found = advice(_scope(asks), history(asks, days), _counting(asks), most=most, taken=taken)
        added = _added(asks, [one.content for one in found.rollups]) if write else []
    if as_json:
        emit(_as_object(found) | {"written": added})
        return
    _print(asks, found, days, is_written=write)


def _scope(asks: Asking) -> Any:
    from dataclasses import replace

    return replace(asks.answerer.scope(), policy=lambda _: None, fewest=1, held=())


def _counting(asks: Asking) -> Any:
    from freehold.metrics.rollups.content import fact_query, groups_query
    from freehold.metrics.rollups.suggesting import Counting

    scope = _scope(asks)

    def count(query: Any) -> int:
        session = asks.delivery.session("suggest")
        try:
            return int(session.rows(query.sql(scope.dialect))[0][0])
        finally:
            session.close()

    return Counting(
        rollup=lambda content: count(groups_query(scope, content)),
        dataset=lambda model, fact: count(fact_query(scope, asks.catalogue.models[model], fact)),
    )


def history(asks: Asking, days: int) -> list[Asked]:
    """Return the questions that were computed in the last days here, those that took longest first.

    Questions whose text was erased cannot be told, and are left out.
    """
    from freehold.metrics.recording import recalled
    from freehold.metrics.rollups.suggesting import Asked

    ledger = asks.delivery.ledger
    with ledger.evidence() as evidence:
        if not evidence.has("usage.query"):
            return []
        rows = evidence.query(
            "SELECT max(query_id), count(*), sum(ms) / 1000 FROM (SELECT query_id, fingerprint, metrics, "
            "max(duration_ms) AS ms FROM usage_query WHERE status = 'ok' AND query_id IS NOT NULL AND env = ? AND NOT "
            "coalesce(is_kept, false) AND occurred_at >= (SELECT max(occurred_at) FROM usage_query) - to_days(?) "
            f"GROUP BY ALL) GROUP BY fingerprint, metrics ORDER BY 3 DESC, 1 LIMIT {_MOST_QUESTIONS}",
            (asks.delivery.env, days),
        )
    kept = [(recalled(ledger, str(id_)), int(count), float(seconds or 0.0)) for id_, count, seconds in rows]
    return [Asked(found["question"], count, seconds) for found, count, seconds in kept if found is not None]


def _added(asks: Asking, found: Iterable[Content]) -> list[str]:
    """Write rollups into the files of their models; return the files."""
    from freehold.metrics.rollups.writing import with_rollup

    changed: dict[Path, str] = {}
    for content in found:
        path = asks.delivery.root / content.model.where.path
        before = changed.get(path) or path.read_text(encoding="utf-8")
        changed[path] = with_rollup(before, content.model.where.path, content.rollup)
    for path, text in changed.items():  # all of them, or none: what cannot be written is refused before
        path.write_text(text, encoding="utf-8", newline="")
    return [str(path.relative_to(asks.delivery.root)) for path in changed]


def _as_object(found: Advice) -> dict[str, Any]:
    return {
        "rollups": [_rollup_object(one) for one in found.rollups],
        "not_helped": [
            {"question": {k: v for k, v in one.asked.question.items() if v}, "answers": one.asked.count,
             "seconds": round(one.asked.seconds, 3), "why": one.why}
            for one in found.not_helped
        ],
        "answers": sum(one.count for one in found.history),
        "seconds": round(sum(one.seconds for one in found.history), 3),
        "already": {"answers": sum(one.count for one in found.already),
                    "seconds": round(sum(one.seconds for one in found.already), 3)},
    }  # fmt: skip


def _rollup_object(one: Suggested) -> dict[str, Any]:
    rollup = one.content.rollup
    return {
        "name": rollup.name, "model": rollup.model, "file": one.content.model.where.path,
        "metrics": list(rollup.metrics), "by": [key.text for key in rollup.by], "rows": one.rows,
        "of_rows": one.fact_rows, "answers": one.questions, "seconds": round(one.seconds, 3),
    }  # fmt: skip


def _print(asks: Asking, found: Advice, days: int, *, is_written: bool) -> None:
    from freehold.metrics.rollups.writing import line_of

    total = sum(one.seconds for one in found.history)
    if not found.history:
        say(f"Nothing was asked of metrics in `{asks.delivery.env}` in {days} days that can still be told.")
        return
    rows = [
        (one.content.rollup.name, f"{one.rows:,}", f"{one.fact_rows:,}", f"{one.questions:,}", f"{one.seconds:,.2f} s",
         percent(one.seconds / total) if total else "")
        for one in found.rollups
    ]  # fmt: skip
    if rows:
        table(rows, ("rollup", "rows", "instead of", "answers", "that took", "of all"), right=(1, 2, 3, 4, 5))
    for file in dict.fromkeys(one.content.model.where.path for one in found.rollups if not is_written):
        click.echo(f"\n# {file}\nrollups:")
        for one in found.rollups:
            if one.content.model.where.path == file:
                click.echo(f"  {line_of(one.content.rollup)}")
    _say_rest(found, total, is_written=is_written)


def _say_rest(found: Advice, total: float, *, is_written: bool) -> None:
    for one in found.not_helped[:_MOST_SHOWN]:
        asked = " ".join(one.asked.question["metrics"])
        by = ", ".join(one.asked.question.get("by") or ())
        shown = f"{asked} by {by}" if by else asked
        say(f"Not helped: {shown} ({counted(one.asked.count, 'answers')}, {one.asked.seconds:.2f} s): {one.why}.")
    if len(found.not_helped) > _MOST_SHOWN:
        say(f"And {len(found.not_helped) - _MOST_SHOWN} more.")
    answers = sum(one.count for one in found.history)
    said = f"{counted(answers, 'answers')} took {total:.2f} s"
    if found.already:
        seconds = sum(one.seconds for one in found.already)
        said += f"; rollups there are would answer {seconds:.2f} s of it"
    say(f"{said}.{'' if found.rollups else ' No rollup would save enough of it.'}")
    if is_written and found.rollups:
        files = dict.fromkeys(one.content.model.where.path for one in found.rollups)
        say(f"Written into {', '.join(files)}. Next: freehold plan, freehold run.")
