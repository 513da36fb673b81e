"""`freehold rules`: which rules there are, and what comes of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from freehold.cli.evaluated import opened_rules, say_badges
from freehold.cli.opened import environment, loaded
from freehold.cli.output import as_json, counted, emit, in_a_line, put, say, table
from freehold.foundation.words import percent

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.estate.operating import RuleSet
    from freehold.rules import FactTable, Result


MOST_BADGES = 5


@click.group(epilog="Example: freehold rules test")
def rules() -> None:
    """Show the rules of the estate, and what comes of them."""


@rules.command("list", epilog="Example: freehold rules list --json | jq '.rules[] | select(.level == \"block\").rule'")
@as_json
@click.pass_obj
def list_(start: str | None, as_json: bool) -> None:
    """List every rule: what it is about, what it demands, what a failure does; also those that come with Freehold."""
    estate = loaded(start)
    found: list[dict[str, Any]] = [
        {
            "rule": f"{one.id}/{rule.id}", "subject": one.subject, "level": rule.level or None,
            "text": rule.check.text, "name": rule.name or None, "weight": rule.weight, "waivable": rule.is_waivable,
            "where": str(rule.where),
            "waivers": [w.id for w in estate.waivers.values() if w.rule == f"{one.id}/{rule.id}"],
        }
        for one in _rule_sets(estate)
        for rule in one.rules
    ]  # fmt: skip
    if as_json:
        emit({"rules": found})
        return
    rows = [(r["rule"], r["subject"], r["level"], r["name"] or r["text"], ", ".join(r["waivers"])) for r in found]
    table(rows, ("rule", "about", "level", "demands", "waivers"), least=(4, 2))


@rules.command(epilog="Example: freehold rules facts change")
@click.argument("subject", required=False)
@as_json
@click.pass_obj
def facts(start: str | None, subject: str | None, as_json: bool) -> None:  # noqa: ARG001 - it needs no estate
    """List the facts that rules about a SUBJECT (asset, product, metric, change …) may name, with their types."""
    found = [
        {"subject": one.subject, "fact": name, "type": fact.type, "says": fact.says, "asserted": fact.is_asserted}
        for one in _tables().values()
        for name, fact in one.facts.items()
        if subject in (None, one.subject)
    ]
    if subject is not None and not found:
        raise _no_such_subject(subject)
    if as_json:
        emit({"facts": found})
    else:
        rows = [(one["subject"], one["fact"], one["type"], one["says"]) for one in found]
        table(rows, ("about", "fact", "type", "what"), least=(0,))


@rules.command(epilog="Example: freehold rules test --json | jq '.results[] | select(.outcome == \"failed\")'")
@as_json
@click.pass_obj
def test(start: str | None, as_json: bool) -> None:
    """Evaluate the estate's own rules about assets by what its files say.

    Records nothing. What only events could tell is not known here, and what is not known does not pass. Ends with 1 if
    a rule does not pass.
    """
    from freehold.rules import Outcome

    found = _evaluated(loaded(start))
    counts = {str(outcome): sum(r.outcome is outcome for r in found) for outcome in Outcome}
    if as_json:
        emit({"results": [one.to_json() for one in found], **counts})
    elif found:
        rows = [(r.rule.id, r.subject, str(r.outcome), r.reason, r.remedy) for r in found if not r.is_pass]
        if rows:
            table(rows, ("rule", "asset", "outcome", "why", "remedy"), least=(4,))
        said = ", ".join(f"{n:,} {name}" for name, n in counts.items() if n)
        say(f"{counted(len(found), 'results')}: {said}.")
    else:
        say("No rule is about an asset. Write a file of kind RuleSet; `freehold rules facts asset` lists the facts.")
    sys.exit(0 if all(one.is_pass for one in found) else 1)


def _evaluated(estate: Estate) -> tuple[Result, ...]:
    from freehold.foundation import SystemClock
    from freehold.rules import compiled, evaluate
    from freehold.rules.assets import ASSET, asset_subjects

    own = [one for one in estate.rule_sets.values() if one.subject == ASSET.subject]
    made = [rule for one in own for rule in compiled(one, ASSET)]
    if not made:
        return ()
    now: datetime = SystemClock().now()
    today = now.astimezone(ZoneInfo(str(estate.defaults.get("timezone", "UTC")))).date()
    return evaluate(made, asset_subjects(estate), estate.waivers.values(), today)


@rules.command(epilog="Example: freehold rules run --json | jq .lost")
@environment
@as_json
@click.pass_obj
def run(start: str | None, env: str | None, as_json: bool) -> None:
    """Evaluate every rule over everything it is about, and record each result that changed.

    A run, a check and an apply do that by themselves for what they touch, and once a day for all of it. What is not
    known does not pass. Badges that fell are told to whoever subscribes to `badge.changed`. Ends with 1 when a rule
    could not be evaluated.
    """
    from freehold.rules import Outcome

    with opened_rules(start, env) as opened:
        found = opened.evaluated(record=True)
    counts = {str(outcome): found.count(outcome) for outcome in Outcome}
    if as_json:
        broken = [error.to_json() for error in found.broken]
        emit({**counts, "changed": found.changes, "won": found.won, "lost": found.lost, "broken": broken})
    else:
        told = ", ".join(f"{n:,} {name}" for name, n in counts.items() if n) or "nothing to evaluate"
        say(f"{told}; {counted(found.changes, 'results')} changed.")
        if found.won:
            say(f"{counted(len(found.won), 'badges')} won: {in_a_line(', '.join(found.won[:MOST_BADGES]))}")
        say_badges(found)
    sys.exit(1 if found.broken else 0)


@rules.command(epilog="Example: freehold rules scorecard --product sales.orders --set certified")
@click.option("--product", default=None, metavar="PRODUCT", help="Only what is of this product, and the product.")
@click.option("--domain", default=None, metavar="DOMAIN", help="Only what is of this domain.")
@click.option("--set", "rule_set", default=None, metavar="RULES", help="Only this rule set.")
@environment
@as_json
@click.pass_obj
def scorecard(
    start: str | None, product: str | None, domain: str | None, rule_set: str | None, env: str | None, as_json: bool
) -> None:
    """Show how far everything is by each rule set: score, level, what is missing, until when, and how to mend it.

    Evaluates as things stand now and records nothing. The score is the share of weights that pass.
    """
    from freehold.delivery.evaluating import wanted

    with opened_rules(start, env) as opened:
        cards = wanted(opened.cards(), opened.estate, product=product, domain=domain, rule_set=rule_set)
    if as_json:
        emit({"scorecards": [card.to_json() for card in cards]})
        return
    rows = [
        (
            card.rule_set, row.subject, percent(row.score), row.level, f"{row.deadline}" if row.deadline else "",
            result.rule.rule.name or result.rule.check.text if result else "all of it holds",
            _remedy(result) if result else "",
        )
        for card in cards
        for row in card.rows
        for result in row.missing or (None,)
    ]  # fmt: skip
    if rows:
        table(rows, ("rules", "about", "score", "level", "until", "missing", "remedy"), least=(5, 6), right=(2,))
    for card in cards:
        put(f"{card.name}: {percent(card.score)} over {counted(len(card.rows), 'subjects')}.")
    if not cards:
        say("No rule is about any of that.")


def _remedy(result: Result) -> str:
    """Return how a result is mended, after what keeps it from being evaluated: facts that nobody told need no words."""
    if result.outcome != "unknown":
        return result.remedy
    why = f" ({result.error})" if result.error else ""
    return f"not evaluated{why}. {result.remedy}".rstrip()


def _rule_sets(estate: Estate) -> list[RuleSet]:
    from freehold.rules import rule_sets_of

    subjects = dict.fromkeys([*_tables(), *(one.subject for one in estate.rule_sets.values())])
    return [found for subject in subjects for found in rule_sets_of(estate, subject)]


def _tables() -> Mapping[str, FactTable]:
    from freehold.delivery.evaluating import TABLES

    return TABLES


def _no_such_subject(subject: str) -> Any:
    from freehold.foundation import Exit, FreeholdError, near

    fix = near(subject, _tables()) or f"Rules can be about: {', '.join(_tables())}."
    return FreeholdError("FH-R002", f"Nothing is known of a subject `{subject}`.", fix=fix, exit_code=Exit.USAGE)
