"""Which version number a judged change takes, and whether the one given is enough."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from freehold.estate.model import NOWHERE, Contract
from freehold.foundation import FreeholdError, Where
from freehold.quality.compatibility.comparing import compare
from freehold.quality.compatibility.finding import Bump, Finding

_NUMBER = r"(?:0|[1-9]\d*)"
_FORM = re.compile(
    rf"(?P<v>[vV]?)(?P<numbers>{_NUMBER}(?:\.{_NUMBER}){{0,2}})"
    r"(?:-(?P<early>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version. `parts` is how many numbers were written, `early` a pre-release such as `rc.1`."""

    major: int
    minor: int
    patch: int
    parts: int = 3
    prefix: str = ""
    early: str = ""

    @property
    def numbers(self) -> tuple[int, int, int]:
        """The three numbers."""
        return (self.major, self.minor, self.patch)

    @property
    def order(self) -> tuple[tuple[int, int, int], bool, tuple[tuple[int, int, str], ...]]:
        """What versions sort by: a pre-release comes before its release, numbers in it before words."""
        marks = (m for m in self.early.split(".") if m)
        return self.numbers, not self.early, tuple((0, int(m), "") if m.isdigit() else (1, 0, m) for m in marks)

    def raised(self, bump: Bump) -> Version:
        """Return the lowest version that such a change allows.

        Before 1.0.0 nothing is promised for good: a breaking change takes the next minor, all else the next patch. A
        pre-release already stands for a change to come, so its release is enough if that changes as large a part.
        """
        if bump is Bump.NONE:
            return self
        if self.major == 0:
            bump = Bump.MINOR if bump is Bump.MAJOR else Bump.PATCH
        if self.early and bump <= self._announces():
            return replace(self, early="")
        major, minor, patch = self.numbers
        numbers = {
            Bump.MAJOR: (major + 1, 0, 0),
            Bump.MINOR: (major, minor + 1, 0),
            Bump.PATCH: (major, minor, patch + 1),
        }
        return Version(*numbers[bump], parts=max(self.parts, 4 - bump), prefix=self.prefix)

    def _announces(self) -> Bump:
        return Bump.PATCH if self.patch else Bump.MINOR if self.minor else Bump.MAJOR

    def __str__(self) -> str:
        text = ".".join(str(n) for n in self.numbers[: self.parts])
        return f"{self.prefix}{text}{'-' if self.early else ''}{self.early}"


def read_version(text: str) -> Version | None:
    """Return the semantic version a text spells (`1`, `1.2`, `v1.2.3`, `2.0.0-rc.1`), or None."""
    found = _FORM.fullmatch(text.strip())
    if not found:
        return None
    numbers = [int(n) for n in found["numbers"].split(".")]
    if found["early"] and len(numbers) < 3:  # `2024-01` is a month, not a pre-release of 2024
        return None
    major, minor, patch = (*numbers, 0, 0)[:3]
    return Version(major, minor, patch, len(numbers), found["v"], found["early"] or "")


def required_bump(findings: Sequence[Finding]) -> Bump:
    """Return the largest bump any of the findings requires."""
    return max((f.bump for f in findings), default=Bump.NONE)


def required_version(before_version: str, findings: Sequence[Finding]) -> str:
    """Return the lowest version that such changes allow, in the spelling of the version before.

    `1` with a minor change gives `1.1`, `v1.2.3` with a major one `v2.0.0`; before 1.0.0 a breaking change raises the
    minor part and any other the patch.

    Raises:
        FreeholdError: FH-V502 the version is none that can be raised.
    """
    version = read_version(before_version)
    if version is None:
        raise _unreadable(before_version, NOWHERE)
    return str(version.raised(required_bump(findings)))


def version_finding(
    before: Contract | None, after: Contract | None, findings: Sequence[Finding] | None = None
) -> FreeholdError | None:
    """Return what is wrong with the version of a changed contract, or None where it is enough.

    The error is FH-V501 (too low for the changes), FH-V502 (no semantic version) or FH-V503 (lower than before), at the
    place of the version in the new file. It is returned, not raised. `findings` are those of `compare`, if at hand.
    """
    if before is None or after is None:
        return None
    found = compare(before, after) if findings is None else findings
    where = after.version_where if after.version_where != NOWHERE else after.where
    old = read_version(before.version or "")
    new = read_version(after.version or "")
    bump = required_bump(found)
    if new is None or old is None:
        unread = before.version if old is None else after.version
        unchanged = before.version == after.version and bump is Bump.NONE
        return None if unchanged else _unreadable(unread, where)
    if new.order < old.order:
        return _backwards(after, old, new, where)
    lowest = old.raised(bump)
    if new.numbers >= lowest.numbers and (new.numbers != old.numbers or bump is Bump.NONE or old.early != new.early):
        return None
    return _too_low(before, after, [f for f in found if f.bump == bump], lowest, where)


def _too_low(
    before: Contract, after: Contract, guilty: Sequence[Finding], lowest: Version, where: Where
) -> FreeholdError:
    bump = guilty[0].bump
    names = ", ".join(f"`{f.subject}` ({f.change.replace('_', ' ')})" for f in guilty[:_MOST_NAMED])
    more = f" and {len(guilty) - _MOST_NAMED} more" if len(guilty) > _MOST_NAMED else ""
    made = f"stays {after.version}" if before.version == after.version else f"goes {before.version} to {after.version}"
    fix = f"Set `version: {lowest}`."
    if bump is Bump.MAJOR:
        fix += " It tells consumers that what they rely on changes; to spare them, take the change back."
    return FreeholdError(
        "FH-V501",
        f"The version of `{after.id}` {made}, and a {bump} change needs {lowest}: {names}{more}.",
        where=where,
        fix=fix,
    )


def _backwards(after: Contract, old: Version, new: Version, where: Where) -> FreeholdError:
    return FreeholdError(
        "FH-V503", f"The version of `{after.id}` goes back from {old} to {new}.", where=where,
        fix=f"Keep {old}, or raise it; to return to an earlier contract, publish it under a new version.",
    )  # fmt: skip


def _unreadable(version: str | None, where: Where) -> FreeholdError:
    said = f"`{version}` is no version that can be compared" if version else "The contract has no version"
    return FreeholdError(
        "FH-V502", f"{said}.", where=where if where != NOWHERE else None,
        fix="Write `major.minor.patch`, such as `1.0.0`.",
    )  # fmt: skip
