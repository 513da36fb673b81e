"""`freehold rules`: which rules there are, and what comes of them."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from freehold.cli.opened import loaded
from freehold.cli.output import as_json, counted, emit, say, table

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.estate.operating import RuleSet
    from freehold.rules import FactTable, Result


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
        for one, _ in _rule_sets(estate)
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
    """List the facts that rules about a SUBJECT (asset, change) may name, with their types."""
    found = [
        {"subject": one.subject, "fact": name, "type": fact.type, "says": fact.says}
        for one in _tables().values()
        for name, fact in one.facts.items()
        if subject in (None, one.subject)
    ]
    if subject is not None and not found:
        raise _no_such_subject(subject)
    if as_json:
        emit({"facts": found})
    else:
        table([tuple(one.values()) for one in found], ("about", "fact", "type", "what"), least=(0,))


@rules.command(epilog="Example: freehold rules test --json | jq '.results[] | select(.outcome == \"failed\")'")
@as_json
@click.pass_obj
def test(start: str | None, as_json: bool) -> None:
    """Evaluate every rule about assets by what the files of the estate say.

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

    made = [
        rule for one, root in _rule_sets(estate) if one.subject == ASSET.subject for rule in compiled(one, ASSET, root)
    ]
    if not made:
        return ()
    now: datetime = SystemClock().now()
    today = now.astimezone(ZoneInfo(str(estate.defaults.get("timezone", "UTC")))).date()
    return evaluate(made, asset_subjects(estate), estate.waivers.values(), today)


def _rule_sets(estate: Estate) -> list[tuple[RuleSet, Path]]:
    from freehold.rules import rule_sets_of

    subjects = dict.fromkeys([*_tables(), *(one.subject for one in estate.rule_sets.values())])
    return [found for subject in subjects for found in rule_sets_of(estate, subject)]


def _tables() -> dict[str, FactTable]:
    from freehold.delivery.gate import CHANGE
    from freehold.rules.assets import ASSET

    return {one.subject: one for one in (ASSET, CHANGE)}


def _no_such_subject(subject: str) -> Any:
    from freehold.foundation import Exit, FreeholdError, near

    fix = near(subject, _tables()) or f"Rules can be about: {', '.join(_tables())}."
    return FreeholdError("FH-R002", f"Nothing is known of a subject `{subject}`.", fix=fix, exit_code=Exit.USAGE)
