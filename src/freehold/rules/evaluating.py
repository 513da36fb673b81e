"""Rules over subjects: what passes, what fails, what cannot be told, and what is exempt for a time.

A fact that is not known never lets a rule pass. One subject takes microseconds; a sweep over many keeps one byte for
each rule and subject, and makes a `Result` only of what somebody looks at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any

from freehold.foundation import Where
from freehold.rules.compiling import PLACEHOLDER, CompiledRule

if TYPE_CHECKING:
    from freehold.estate.operating import Waiver


class Outcome(StrEnum):
    """What came of a rule for a subject."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"  # a fact is missing: neither passed nor failed, and never taken for a pass
    WAIVED = "waived"  # it did not pass, and a waiver holds


@dataclass(frozen=True, slots=True)
class Subject:
    """What rules are about: its id, and what is known of it."""

    id: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one rule for one subject, with all that somebody needs who has to mend it.

    Attributes:
        missing: the facts that are not known and would have been needed.
        waiver: the waiver that holds.
        expired: a waiver that would have held, had it not run out.
    """

    rule: CompiledRule
    subject: str
    outcome: Outcome
    remedy: str = ""
    missing: tuple[str, ...] = ()
    waiver: Waiver | None = None
    expired: Waiver | None = None
    error: str = ""  # why it could not be evaluated, where that is no missing fact

    @property
    def is_pass(self) -> bool:
        """Whether nothing has to be done."""
        return self.outcome in (Outcome.PASSED, Outcome.WAIVED)

    @property
    def asserted(self) -> tuple[str, ...]:
        """The facts it reads that nothing shows: a person says so."""
        return self.rule.asserted

    @property
    def where(self) -> Where:
        """Where the rule stands."""
        return self.rule.where

    @property
    def reason(self) -> str:
        """Why it came out so, in a sentence."""
        said = _REASONS[self.outcome].format(
            text=self.rule.rule.name or self.rule.check.text,
            hindrance=self.hindrance or "it is neither true nor false",
            waiver=f"`{self.waiver.id}` until {self.waiver.expires}" if self.waiver else "",
        )
        return said + (f" The waiver `{self.expired.id}` expired on {self.expired.expires}." if self.expired else "")

    @property
    def hindrance(self) -> str:
        """What keeps it from being evaluated, as a part of a sentence; empty where nothing does."""
        unknown = ", ".join(f"`{name}`" for name in self.missing)
        are = "is" if len(self.missing) == 1 else "are"
        return " and ".join(part for part in (self.error, f"{unknown} {are} not known" if unknown else "") if part)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "rule": self.rule.id,
            "subject": self.subject,
            "outcome": str(self.outcome),
            "level": self.rule.level or None,
            "weight": self.rule.rule.weight,
            "text": self.rule.check.text,
            "name": self.rule.rule.name or None,
            "where": str(self.where),
            "reason": self.reason,
            "remedy": self.remedy or None,
            "missing": list(self.missing),
            "waiver": self.waiver.id if self.waiver else None,
            "expired_waiver": self.expired.id if self.expired else None,
            "asserted": list(self.asserted),
            "deadline": self.rule.rule.deadline.isoformat() if self.rule.rule.deadline else None,
        }


_REASONS = {
    Outcome.PASSED: "Holds: {text}.",
    Outcome.FAILED: "Does not hold: {text}.",
    Outcome.UNKNOWN: "Not evaluated, since {hindrance}: {text}.",
    Outcome.WAIVED: "Waived by {waiver}: {text}.",
}


def evaluate(
    rules: Sequence[CompiledRule], subjects: Iterable[Subject], waivers: Iterable[Waiver], today: date
) -> tuple[Result, ...]:
    """Return what comes of each rule for each subject that it applies to, in the order of both.

    Args:
        rules: compiled against the table of facts that the subjects have.
        subjects: with facts that fit that table; see `FactTable.checked`.
        waivers: of any rules.
        today: the day by which waivers hold or have expired.
    """
    exempt = _Exempt(waivers, today)
    return tuple(
        result(rule, subject, outcome, exempt)
        for subject in subjects
        for rule in rules
        if (outcome := _outcome(rule, subject.facts)) is not None
    )


def _outcome(rule: CompiledRule, facts: Mapping[str, Any]) -> Outcome | None:
    """Return what comes of a rule before waivers, None where it does not apply; what cannot be computed is unknown."""
    try:
        return _evaluated(rule, facts)
    except ArithmeticError:
        return Outcome.UNKNOWN


def _error(rule: CompiledRule, facts: Mapping[str, Any]) -> str:
    """Return why a rule cannot be evaluated, whatever is known; empty where it can."""
    try:
        _evaluated(rule, facts)
    except ArithmeticError as error:
        return f"it cannot be computed ({error})"
    said = dict.fromkeys(f"`{one}`" for part in (*rule.applies, rule.check) for one in part.by_zero(facts))
    return f"{', '.join(said)} {'divides' if len(said) == 1 else 'divide'} by zero" if said else ""


def _evaluated(rule: CompiledRule, facts: Mapping[str, Any]) -> Outcome | None:
    for condition in rule.applies:
        applies = condition.evaluate(facts)
        if applies is not True:
            return None if applies is False else Outcome.UNKNOWN
    holds = rule.check.evaluate(facts)
    return Outcome.PASSED if holds else Outcome.UNKNOWN if holds is None else Outcome.FAILED


class _Exempt:
    """Waivers by rule, told apart into those that hold on a day and those that have run out."""

    def __init__(self, waivers: Iterable[Waiver], today: date) -> None:
        self._today = today
        self._of: dict[str, list[Waiver]] = {}
        for waiver in waivers:
            self._of.setdefault(waiver.rule, []).append(waiver)

    def __bool__(self) -> bool:
        return bool(self._of)

    def of(self, rule: CompiledRule, subject: str) -> tuple[Waiver | None, Waiver | None]:
        """Return the waiver that holds for a subject, and one that has expired where none does."""
        if not rule.rule.is_waivable:
            return None, None
        mine = [w for w in self._of.get(rule.id, ()) if fnmatchcase(subject, w.subject)]
        holding = next((w for w in mine if w.expires >= self._today), None)
        return holding, None if holding else max(mine, key=lambda w: w.expires, default=None)


def result(rule: CompiledRule, subject: Subject, outcome: Outcome, exempt: _Exempt) -> Result:
    """Return the result of a rule for a subject whose outcome before waivers is known."""
    if outcome is Outcome.PASSED:
        return Result(rule, subject.id, outcome)
    waiver, expired = exempt.of(rule, subject.id)
    missing: tuple[str, ...] = ()
    error = ""
    if outcome is Outcome.UNKNOWN:
        error = _error(rule, subject.facts)
        named = (name for part in (*rule.applies, rule.check) for name in part.missing(subject.facts))
        missing = tuple(dict.fromkeys(named))
    remedy = PLACEHOLDER.sub(lambda found: _shown(subject.facts.get(found[1])), rule.rule.remedy)
    return Result(rule, subject.id, Outcome.WAIVED if waiver else outcome, remedy, missing, waiver, expired, error)


def _shown(value: Any) -> str:
    return "?" if value is None else str(value)


_CODES = (None, Outcome.PASSED, Outcome.FAILED, Outcome.UNKNOWN, Outcome.WAIVED)
_CODE = {outcome: code for code, outcome in enumerate(_CODES)}


class Sweep:
    """What came of many rules for many subjects: a byte for each pair, in the order of subjects and rules."""

    def __init__(
        self, rules: Sequence[CompiledRule], subjects: Sequence[Subject], waivers: Iterable[Waiver], today: date
    ) -> None:
        self.rules, self.subjects = tuple(rules), subjects
        self._exempt = _Exempt(waivers, today)
        self._codes = bytearray(len(rules) * len(subjects))
        for place, (subject, rule) in enumerate((s, r) for s in subjects for r in self.rules):
            found = _outcome(rule, subject.facts)
            if self._exempt and found in (Outcome.FAILED, Outcome.UNKNOWN) and self._exempt.of(rule, subject.id)[0]:
                found = Outcome.WAIVED
            self._codes[place] = _CODE[found]

    def outcomes(self) -> Iterator[tuple[CompiledRule, Subject, Outcome]]:
        """Yield what came of each rule that applies."""
        for place, code in enumerate(self._codes):
            found = _CODES[code]
            if found is not None:
                yield self.rules[place % len(self.rules)], self.subjects[place // len(self.rules)], found

    @cached_property
    def _among(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(rule.rule_set for rule in self.rules), frozenset(one.id for one in self.subjects)

    def has(self, rule_set: str, subject: str) -> bool:
        """Tell whether rules of a set were evaluated over a subject, whatever came of it."""
        return rule_set in self._among[0] and subject in self._among[1]

    def result(self, rule: CompiledRule, subject: Subject) -> Result:
        """Return the whole result of a rule that applies to a subject."""
        before = _outcome(rule, subject.facts)
        assert before is not None, "a rule that applies has an outcome"
        return result(rule, subject, before, self._exempt)

    def results(self, *outcomes: Outcome) -> Iterator[Result]:
        """Yield the results with one of the outcomes, all where none is named."""
        for rule, subject, found in self.outcomes():
            if not outcomes or found in outcomes:
                yield self.result(rule, subject)

    def count(self, outcome: Outcome) -> int:
        """Return how many pairs came out so."""
        return self._codes.count(_CODE[outcome])


def sweep(rules: Sequence[CompiledRule], subjects: Sequence[Subject], waivers: Iterable[Waiver], today: date) -> Sweep:
    """Evaluate many rules over many subjects; the same outcomes as `evaluate`, with little memory."""
    return Sweep(rules, subjects, waivers, today)
