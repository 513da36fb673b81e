"""`freehold search`: find anything of the estate, and say why it was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from freehold.cli.catalog import opened_catalog
from freehold.cli.opened import environment
from freehold.cli.output import as_json, counted, emit, say, table

if TYPE_CHECKING:
    from freehold.catalog import Found, Hit

_DESCRIBED = 60  # signs of a description that a table shows


@click.command(epilog="Example: freehold search daily revenue --kind metric")
@click.argument("words", nargs=-1, required=True, metavar="WORDS...")
@click.option("--kind", "-k", "kinds", multiple=True, metavar="KIND", help="asset, metric, product …; may be repeated.")
@click.option("--product", "-p", default="", metavar="PRODUCT", help="Only what is of this product.")
@click.option("--limit", "-n", default=20, show_default=True, metavar="N", help="Hits of a page, up to 100.")
@click.option("--cursor", default="", metavar="CURSOR", help="Go on where a page ended, as it said in `next`.")
@environment
@as_json
@click.pass_obj
def search(
    start: str | None,
    words: tuple[str, ...],
    kinds: tuple[str, ...],
    product: str,
    limit: int,
    cursor: str,
    env: str | None,
    as_json: bool,
) -> None:
    """Find products, assets, metrics, KPIs, dashboards, teams and more by any of their names, and say why.

    An exact name comes first, then other names, words of names, half a word, typing errors, columns, owners and
    descriptions; among equals what is certified, then what people read most; what is deprecated last, with what to use
    instead. Ends with 1 when nothing is found.
    """
    from freehold.catalog import Question
    from freehold.leaving import gone

    question = Question(" ".join(words), kinds, product, limit=limit, cursor=cursor).checked()
    with opened_catalog(start, env) as opened:
        opened.update_or_say()
        found = opened.catalog.search(question)
        is_there = any(question.text in (one.key.id, str(one.key)) for one in found.hits)
        left = gone(opened.ledger, opened.env, question.text) if opened.ledger is not None and not is_there else None
    if as_json:
        emit(found.to_json() | {"gone": left.to_json() if left is not None else None})
    else:
        _print(found, question.text)
        if left is not None:
            say(f"{left.sentence()}{f' Use {left.instead}.' if left.instead else ''}")
    if not found.total:
        raise SystemExit(1)


def _print(found: Found, text: str) -> None:
    if not found.hits:
        close = f" Close to it: {', '.join(found.near)}." if found.near else ""
        say(f"Nothing is called `{text}`, or has these words.{close}")
        return
    rows = [(one.key.kind, one.key.id, "; ".join(one.why), one.owner, _state(one), _short(one)) for one in found.hits]
    table(rows, ("kind", "name", "why", "owner", "state", "description"), least=(5, 3, 4))
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in found.kinds.items())
    if found.total > len(found.hits):
        more = f" The next page: --cursor {found.next}" if found.next else ""
        say(f"{counted(found.total, 'hits')} ({kinds}).{more}")


def _state(one: Hit) -> str:
    return one.state or ("" if one.status in ("", "certified", "deprecated") else one.status)


def _short(one: Hit) -> str:
    first = one.description.partition("\n")[0]
    return first if len(first) <= _DESCRIBED else first[: _DESCRIBED - 1].rstrip() + "…"
