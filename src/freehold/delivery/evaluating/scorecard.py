"""Scorecards: how far subjects are by each rule set, which level they have reached, and what is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, near
from freehold.rules import Outcome, Result

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.estate.operating import RuleSet


@dataclass(frozen=True, slots=True)
class Row:
    """One subject under one rule set.

    Attributes:
        passed, weight: the weights of its rules that pass, or are waived, and of all.
        level: the highest level of which, and of all levels before it, every rule passes; empty where there is none.
        missing: the results that do not pass, the heaviest first.
        deadline: the first day by which one of those is to pass.
    """

    subject: str
    rule_set: str
    passed: float
    weight: float
    level: str
    missing: tuple[Result, ...]
    deadline: date | None

    @property
    def score(self) -> float:
        """The share of weights that pass, 0 to 1."""
        return self.passed / self.weight if self.weight else 1.0

    @property
    def unknown(self) -> int:
        """How many rules could not be evaluated: neither passed nor failed."""
        return sum(one.outcome is Outcome.UNKNOWN for one in self.missing)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "subject": self.subject,
            "rule_set": self.rule_set,
            "score": round(self.score, 4),
            "level": self.level or None,
            "unknown": self.unknown,
            "deadline": self.deadline.isoformat() if self.deadline else None,
            "missing": [one.to_json() for one in self.missing],
        }


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A rule set over its subjects, the one that lacks most first."""

    rule_set: str
    name: str
    kind: str  # of the subjects it is about
    rows: tuple[Row, ...]

    @property
    def score(self) -> float:
        """The mean of the scores, 0 to 1."""
        return sum(row.score for row in self.rows) / len(self.rows)

    def of(self, products: Collection[str] | None) -> Scorecard:
        """Return what of it is about some products and their assets; None for all of it."""
        if products is None:
            return self
        ids = {"product": lambda id_: id_, "asset": lambda id_: id_.rpartition(".")[0]}
        product_of = ids.get(self.kind)  # a metric may be called as a product is
        rows = tuple(row for row in self.rows if product_of is not None and product_of(row.subject) in products)
        return replace(self, rows=rows)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        rows = [row.to_json() for row in self.rows]
        return {
            "rule_set": self.rule_set,
            "name": self.name,
            "about": self.kind,
            "score": round(self.score, 4),
            "subjects": rows,
        }


def scorecards(results: Iterable[Result], rule_sets: Mapping[str, RuleSet]) -> tuple[Scorecard, ...]:
    """Return a scorecard for each rule set that has results, in the order of their ids.

    Args:
        results: of rules over any subjects.
        rule_sets: those in force, by their ids.
    """
    by: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for one in results:
        by[one.rule.rule_set][one.subject].append(one)
    return tuple(
        Scorecard(
            rule_set,
            rule_sets[rule_set].name or rule_set,
            rule_sets[rule_set].subject,
            tuple(sorted((_row(s, rule_sets[rule_set], them) for s, them in found.items()), key=_most_lacking)),
        )
        for rule_set, found in sorted(by.items())
    )


def wanted(
    cards: Iterable[Scorecard],
    estate: Estate,
    *,
    product: str | None = None,
    domain: str | None = None,
    rule_set: str | None = None,
) -> tuple[Scorecard, ...]:
    """Return what of scorecards is about a product, a domain or a rule set; those that have nothing left are left out.

    Raises:
        FreeholdError: FH-R010 there is no such product, domain or rule set.
    """
    cards = tuple(cards)
    domains = {one.domain for one in estate.products.values() if one.domain}
    for what, name, known in (
        ("product", product, estate.products),
        ("domain", domain, domains),
        ("rule set", rule_set, {card.rule_set for card in cards} | set(estate.rule_sets)),
    ):
        if name is not None and name not in known:
            fix = near(name, known) or f"There are: {', '.join(sorted(known))}."
            raise FreeholdError("FH-R010", f"There is no {what} `{name}`.", fix=fix, exit_code=Exit.USAGE)
    products = {
        one.id for one in estate.products.values() if product in (None, one.id) and domain in (None, one.domain)
    }
    part = None if product is None and domain is None else products
    kept = (card.of(part) for card in cards if rule_set in (None, card.rule_set))
    return tuple(card for card in kept if card.rows)


def _most_lacking(row: Row) -> tuple[float, str]:
    return row.score, row.subject


def _row(subject: str, rule_set: RuleSet, results: list[Result]) -> Row:
    missing = sorted((one for one in results if not one.is_pass), key=lambda one: -one.rule.rule.weight)
    return Row(
        subject=subject,
        rule_set=rule_set.id,
        passed=sum(one.rule.rule.weight for one in results if one.is_pass),
        weight=sum(one.rule.rule.weight for one in results),
        level=_level(rule_set.levels, results),
        missing=tuple(missing),
        deadline=min((one.rule.rule.deadline for one in missing if one.rule.rule.deadline), default=None),
    )


def _level(levels: Iterable[str], results: Iterable[Result]) -> str:
    """Return the highest level that is reached."""
    failing = {one.rule.level for one in results if not one.is_pass}
    return ["", *takewhile(lambda level: level not in failing, levels)][-1]
