"""Matchers of labels, as Alertmanager writes them: `name = value`, `!=`, and `=~`, `!~` by a regular expression."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from freehold.foundation import Exit, FreeholdError, near

LABELS = ("asset", "column", "direction", "domain", "kind", "monitor", "product", "severity", "team", "tier")
_WRITTEN = re.compile(r'\s*([a-z_]+)\s*(=~|!~|!=|=)\s*(?:"([^"]*)"|([^"]*?))\s*')
_LONGEST = 200

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Matcher:
    """What a label has to be. A label that is not there counts as empty.

    Attributes:
        op: `=`, `!=`, `=~` or `!~`; an expression has to match the whole of a value.
    """

    name: str
    op: str
    value: str

    def matches(self, labels: Labels) -> bool:
        """Whether the label is as it has to be."""
        said = labels.get(self.name, "")
        found = said == self.value if self.op in ("=", "!=") else _fits(self.value, said)
        return found is (self.op in ("=", "=~"))

    def __str__(self) -> str:
        return f'{self.name}{self.op}"{self.value}"'


def matcher(text: str) -> Matcher:
    """Read a matcher.

    Raises:
        FreeholdError: FH-E331 it is none, or names a label that alerts do not have.
    """
    read = _WRITTEN.fullmatch(text)
    if read is None or len(text) > _LONGEST:
        raise _wrong(f"`{text[:_LONGEST]}` is no matcher.", "Write: product=sales.orders, or monitor=~rows|nulls.")
    name, op, value = read[1], read[2], read[3] if read[3] is not None else read[4]
    if name not in LABELS:
        raise _wrong(f"Alerts have no label `{name}`.", near(name, LABELS) or f"Use one of: {', '.join(LABELS)}.")
    if op in ("=~", "!~"):
        try:
            _fits(value, "")
        except ValueError as error:
            raise _wrong(f"`{value}` is no regular expression.", "Write it as RE2 reads it.") from error
    return Matcher(name, op, value)


def match(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Whether labels are as all matchers want them."""
    return all(one.matches(labels) for one in matchers)


@lru_cache(maxsize=4_096)
def _fits(pattern: str, value: str) -> bool:
    """Whether all of a value fits a pattern, by RE2: whoever writes a pattern cannot make it take long."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.match_substring_regex(pa.scalar(value), pattern=f"^(?:{pattern})$")
    return bool(found.as_py())


def _wrong(problem: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-E331", problem, fix=fix, exit_code=Exit.USAGE)
