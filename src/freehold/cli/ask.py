"""`freehold ask`: a question in words."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from freehold.cli.opened import environment, waiting
from freehold.cli.output import as_json, emit, say
from freehold.foundation import Exit

if TYPE_CHECKING:
    from freehold.cli.query import Asking
    from freehold.metrics.asking import Suggestion
    from freehold.metrics.model import Metric


@click.command(epilog='Example: freehold ask "monthly revenue in Germany last year"')
@click.argument("words", nargs=-1, required=True, metavar="QUESTION")
@click.option("--yes", "-y", is_flag=True, help="Answer what was understood, though words were left.")
@environment
@waiting
@as_json
@click.pass_obj
def ask(start: str | None, words: tuple[str, ...], yes: bool, env: str | None, wait_s: float, as_json: bool) -> None:
    """Answer a QUESTION in words, ask back, or refuse: never guess in silence.

    Goes by the names and synonyms of metrics and fields, by the values of fields, and by dates. Every word has to mean
    something; what was understood is said, as the `freehold query` that asks for it. Ends with 1 where it is refused or
    asked back.
    """
    from freehold.cli.query import answered, asking
    from freehold.metrics.asking import suggestion

    with asking(start, env, wait_s=wait_s) as asks:
        today = asks.delivery.clock.now().date()
        found = suggestion(asks.catalogue, " ".join(words), today, lambda metric: _values(asks, metric))
        is_answered = found.kind == "answer" or (yes and found.kind == "refuse" and bool(found.question))
        if not as_json:
            _tell(found, is_answered=is_answered)
        elif not is_answered:
            emit({"kind": found.kind, "question": dict(found.question), "about": found.about or None,
                  "options": list(found.options), "left": list(found.left)})  # fmt: skip
        if is_answered:
            answered(asks, dict(found.question), "json" if as_json else "table", None)
    if not is_answered:
        sys.exit(Exit.FINDING)


def _values(asks: Asking, metric: Metric) -> Mapping[str, list[str]]:
    from freehold.metrics.values import values_of

    return values_of(asks.answerer, metric)


def _tell(found: Suggestion, *, is_answered: bool) -> None:
    if found.kind == "ask":
        say(f"`{found.about}` may be:")
        for option in found.options:
            say(f"  {option}")
        say("Say which.")
        return
    if found.question:
        say(f"Understood: {found.told}")
        say(click.style(f"freehold query {_as_command(found.question)}", dim=True))
    if found.left and not is_answered:
        say(f"What is meant by {', '.join(f'`{word}`' for word in found.left)}? Nothing was answered.")
        say(
            "Say it otherwise, or take what was understood: --yes."
            if found.question
            else "See `freehold metrics list`."
        )


def _as_command(question: Mapping[str, object]) -> str:
    flags = {
        "by": "--by",
        "where": "--where",
        "start": "--from",
        "end": "--to",
        "compare": "--compare",
        "limit": "--limit",
    }
    said = [",".join(question["metrics"])]  # type: ignore[arg-type]
    for key, flag in flags.items():
        if key in question:
            value = question[key]
            text = ",".join(value) if isinstance(value, list) else str(value)
            said.append(f'{flag} "{text}"' if " " in text else f"{flag} {text}")
    if "order" in question:
        said.append(f"--order={question['order'][0]}")  # type: ignore[index]
    return " ".join(said)
