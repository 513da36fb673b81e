"""`freehold query`: a number, from its one definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freehold import opening
from freehold.cli.opened import environment, waiting
from freehold.cli.output import counted, emit, say
from freehold.metrics.telling import in_part
from freehold.opening import Asking

if TYPE_CHECKING:
    from freehold.metrics import Catalogue
    from freehold.metrics.answering import Answer
    from freehold.metrics.model import Metric

FORMATS = ("table", "csv", "json", "arrow", "chart", "sql")
__all__ = ["FORMATS", "Asking", "answered", "asking", "query"]

_MOST_SHOWN = 200  # rows of a table on a terminal

asking = partial(opening.asking, tell=say)


@click.command(
    epilog="Example: freehold query revenue,orders --by buyer.country,month --where \"channel = 'web'\" --from 2011-01",
)
@click.argument("metrics", nargs=-1, required=True, metavar="METRIC…")
@click.option(
    "--by", multiple=True, metavar="KEYS", help="What to group by: country, buyer.country, month, week, signed_up:year."
)
@click.option("--where", metavar="SQL", help="Which rows: a condition over fields.")
@click.option("--from", "start_day", metavar="DAY", help="The first day; 2011 and 2011-03 are their first.")
@click.option("--to", "end_day", metavar="DAY", help="The last day, included; 2011-03 is all of March.")
@click.option("--compare", metavar="PRIOR", help="prior:1month adds the value a month before, and the change.")
@click.option("--having", metavar="SQL", help="Which rows of the answer: a condition over its columns.")
@click.option("--order", metavar="COLUMNS", help="By which columns; -revenue descends. Default: the keys.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="The most rows.")
@click.option("--timezone", "zone", metavar="ZONE", help="The zone in which days are counted; default: the model's.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, writable=True), help="Write to a file instead of stdout."
)
@click.option(
    "--only-sound", is_flag=True, help="Refuse where newer data is held, late, or what is live fails its checks."
)
@click.option(
    "--as",
    "seen_by",
    multiple=True,
    metavar="WHO",
    help="See what the policies show to WHO: group:idp/emea, user:idp/ana.",
)
@click.option("--no-cache", is_flag=True, help="Compute it anew, whatever was kept.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@environment
@waiting
@click.pass_obj
def query(
    start: str | None,
    /,
    metrics: tuple[str, ...],
    by: tuple[str, ...],
    form: str,
    output: str | None,
    only_sound: bool,
    seen_by: tuple[str, ...],
    no_cache: bool,
    as_json: bool,
    env: str | None,
    wait_s: float,
    **said: Any,
) -> None:
    """Answer from certified definitions: METRICs by keys, for rows and days.

    Each metric is computed over its own rows, so several may be asked at once and nothing is counted twice; what has no
    one right answer is refused, with what would do instead. The answer says how old its data is, whether newer data is
    held back, and an id by which `freehold explain` tells how it came to be.
    """  # fmt: skip
    from freehold.foundation import Caller
    from freehold.leaving import gone_unless
    from freehold.metrics import asked

    form = "json" if as_json else form
    question = {
        "metrics": _split(metrics), "by": _split(by), "where": said["where"], "start": said["start_day"],
        "end": said["end_day"], "having": said["having"], "order": _split((said["order"] or "",)),
        "limit": said["limit"], "compare": said["compare"], "zone": said["zone"],
    }  # fmt: skip
    refuse = ("failed", "held", "late") if only_sound else ()
    wanted = asked(**question)
    eyes = Caller(seen_by[0], seen_by[1:], assurance="oidc") if seen_by else None
    with (
        asking(start, env, wait_s=wait_s, refuse=refuse, kept=not no_cache, seen_by=eyes) as asks,
        gone_unless(asks.delivery.ledger, asks.delivery.env, question["metrics"]),
    ):
        if form == "sql":
            _write(asks.answerer.compile(wanted).pretty(), output)
        else:
            answered(asks, question, form, output)


def answered(asks: Asking, question: Mapping[str, Any], form: str, output: str | None) -> None:
    """Answer a question, remember it, and print it in a form."""
    from freehold.metrics import asked
    from freehold.metrics.recording import remembered

    delivery = asks.delivery
    answer = asks.answerer.answer(asked(**question))
    answer = remembered(delivery.ledger, answer, question, delivery.caller, env=delivery.env, channel="cli")
    print_answer(asks.catalogue, answer, form, output)
    _say_what_goes(asks, answer)


def _say_what_goes(asks: Asking, answer: Answer) -> None:
    """Say of the metrics that were asked which are announced to go, where their files do not say so yet."""
    from freehold.leaving import leaving_in

    delivery, metrics = asks.delivery, [asks.catalogue.metric(name) for name in answer.compiled.query.metrics]
    leaving = leaving_in(delivery.ledger, delivery.estate, delivery.graph, delivery.env, asks.catalogue)
    for metric in metrics:
        if metric.status != "deprecated" and (one := leaving.get(f"metric:{metric.id}")) is not None:
            say(click.style(one.sentence(delivery.clock.now().date()), fg="yellow"))


def _split(said: Sequence[str]) -> list[str]:
    return [part.strip() for text in said for part in text.split(",") if part.strip()]


def print_answer(catalogue: Catalogue, answer: Answer, form: str, output: str | None) -> None:
    """Print an answer in a form; what there is to know about it goes to stderr, or into the JSON."""
    from freehold.cli import answers

    if form == "json":
        _write_json(answers.as_object(catalogue, answer), output)
        return
    if form == "arrow":
        answers.write_arrow(answer.table, output)
    elif form == "csv":
        _write(answers.as_csv(answer.table), output, end="")
    else:
        answers.draw(catalogue, answer, form, output, most=_MOST_SHOWN)
    say(_told(catalogue, answer))


def _told(catalogue: Catalogue, answer: Answer) -> str:
    """Return what a reader should know: age, state, certification, rollups read, where to look further."""
    from freehold.metrics.answering import unfinished
    from freehold.metrics.rollups.use import told as read_from

    lines = [click.style(note, fg="yellow") for note in answer.notes]
    lines += [
        click.style(f"{source.state}: {' '.join(source.reasons)}", fg="yellow")
        for source in answer.sources
        if source.reasons and source.state != "unknown"
    ]
    drafts = [n for n in answer.compiled.query.metrics if catalogue.metric(n).status != "certified"]
    for name in answer.compiled.query.metrics:
        metric = catalogue.metric(name)
        if metric.status == "deprecated":
            lines.append(click.style(_deprecated(metric), fg="yellow"))
    until, last = answer.data_until, unfinished(catalogue, answer)
    if last is not None:
        against = ", and it is compared with all of the one before" if answer.compiled.query.compare else ""
        told = f"The period from {last} is not over: data up to {until:%Y-%m-%d %H:%M}{against}."
        lines.append(click.style(told, fg="yellow"))
    facts = [counted(answer.table.num_rows, "rows")]
    if until is not None:
        facts.append(f"data up to {until:%Y-%m-%d %H:%M}")
    facts.append("certified" if not drafts else f"not certified: {', '.join(drafts)}")
    facts.append("kept from before" if answer.is_kept else f"{answer.seconds:.2f} s")
    if told := in_part(answer.policies):
        lines.append(click.style(told, fg="yellow"))
    if answer.is_cut:
        lines.append(click.style("There are more rows than one answer may have; the first are shown.", fg="yellow"))
    lines += [click.style(line, dim=True) for line in read_from(answer.compiled.uses)]
    lines.append(click.style(f"{' · '.join(facts)} · freehold explain {answer.id}", dim=True))
    return "\n".join(lines)


def _deprecated(metric: Metric) -> str:
    from datetime import UTC

    from freehold.foundation import SystemClock

    instead = f" Use `{metric.replaced_by}`." if metric.replaced_by else ""
    if metric.sunset is None:
        return f"`{metric.name}` is deprecated.{instead}"
    has_ended = metric.sunset < SystemClock().now().astimezone(UTC).date()
    return f"`{metric.name}` is deprecated; its last day {'was' if has_ended else 'is'} {metric.sunset}.{instead}"


def _write(text: str, output: str | None, end: str = "\n") -> None:
    if output is None:
        click.echo(text, nl=end == "\n")
        return
    Path(output).write_text(text + end, encoding="utf-8", newline="")


def _write_json(value: Mapping[str, Any], output: str | None) -> None:
    if output is None:
        emit(value)
        return
    import json

    from freehold.cli.output import plain

    _write(json.dumps(value, default=plain, ensure_ascii=False, indent=2), output)
