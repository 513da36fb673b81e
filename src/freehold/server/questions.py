"""A question to metrics as an address holds it, as programs say it, and as code that asks it elsewhere. Pure values.

The address alone is the question: whoever opens it asks the same, with their own eyes. Reading an address and writing
it again gives the same question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from sqlglot import exp
from sqlglot.tokens import Tokenizer

from freehold.foundation import FreeholdError
from freehold.metrics import Query
from freehold.metrics import asked as asked_in_words
from freehold.metrics.query import key_of

MOST_WORDS = 40  # metrics, keys or filters of one question
_LONGEST = 4_000  # characters of a word


@dataclass(frozen=True, slots=True)
class Filter:
    """Rows of one value of a field, or all but those; the value None is an unknown one."""

    field: str
    value: str | None
    is_not: bool = False

    @property
    def word(self) -> str:
        """It as an address has it: `channel=web`; the bare field where the value is unknown."""
        return self.field if self.value is None else f"{self.field}={self.value}"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, in words; see `freehold.metrics.query.asked` for what each may say."""

    metrics: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    where: str = ""
    start: str = ""
    end: str = ""
    compare: str = ""
    having: str = ""
    order: tuple[str, ...] = ()
    limit: int | None = None
    zone: str = ""

    @property
    def condition(self) -> str:
        """The filters and the condition together, as one condition in SQL; empty where there is none."""
        parts = [*_conditions(self.filters), *([f"({self.where})"] if self.where and self.filters else [self.where])]
        return " AND ".join(part for part in parts if part)

    @property
    def words(self) -> dict[str, Any]:
        """It as every other surface says it: the terminal, Python, what is remembered of an answer."""
        return {
            "metrics": list(self.metrics), "by": list(self.by), "where": self.condition or None,
            "start": self.start or None, "end": self.end or None, "having": self.having or None,
            "order": list(self.order), "limit": self.limit, "compare": self.compare or None, "zone": self.zone or None,
        }  # fmt: skip

    def query(self) -> Query:
        """Return it as it is answered.

        Raises:
            FreeholdError: FH-N1xx and FH-N2xx for words that ask nothing.
        """
        return asked_in_words(**self.words)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the words of an address that asks it."""
        said: list[tuple[str, str]] = [("metric", name) for name in self.metrics]
        said += [("by", key) for key in self.by]
        said += [("not" if one.is_not else "is", one.word) for one in self.filters]
        alone = {"where": self.where, "from": self.start, "to": self.end, "compare": self.compare}
        alone |= {"having": self.having}
        said += [(name, word) for name, word in alone.items() if word]
        said += [("order", column) for column in self.order]
        said += [("limit", str(self.limit))] if self.limit is not None else []
        return said + ([("zone", self.zone)] if self.zone else [])

    def address(self, path: str = "/explore", **more: str) -> str:
        """Return the address that asks it, with more words where they are given."""
        said = urlencode([*self.pairs(), *((name, word) for name, word in more.items() if word)])
        return f"{path}?{said}" if said else path

    def adding(self, one: Filter) -> Question:
        """Return it for the rows of one more value."""
        return replace(self, filters=tuple(dict.fromkeys((*self.filters, one))))

    def without_filter(self, one: Filter) -> Question:
        """Return it for the rows that a filter keeps out, too."""
        return replace(self, filters=tuple(f for f in self.filters if f != one))

    def narrowed(self, field: str, value: str | None) -> Question:
        """Return it for the rows of one value of a field alone."""
        kept = tuple(f for f in self.filters if f.field != field or f.is_not)
        return replace(self, filters=(*kept, Filter(field, value)), order=())


def question_of(pairs: Iterable[tuple[str, str]]) -> Question:
    """Return the question that the words of an address ask; words it does not know are left alone.

    Raises:
        FreeholdError: FH-N103 the limit is no number; FH-A112 there are more words than a question may have.
    """
    said: dict[str, list[str]] = {}
    filters: list[Filter] = []
    for name, word in pairs:
        if not word.strip():
            continue
        _expect_short(word)
        if name in ("is", "not"):
            filters.append(_filter(word, is_not=name == "not"))
        else:
            said.setdefault(name, []).append(word.strip())
    for count in (*map(len, said.values()), len(filters)):
        if count > MOST_WORDS:
            raise FreeholdError("FH-A112", f"A question has at most {MOST_WORDS} words of a kind.", fix="Ask for less.")
    last = {name: words[-1] for name, words in said.items()}
    return Question(
        metrics=_each(said.get("metric", ())),
        by=_each(said.get("by", ())),
        filters=tuple(dict.fromkeys(filters)),
        where=last.get("where", ""),
        start=last.get("from", ""),
        end=last.get("to", ""),
        compare=last.get("compare", ""),
        having=last.get("having", ""),
        order=_each(said.get("order", ())),
        limit=_limit(last.get("limit")),
        zone=last.get("zone", ""),
    )


def question_from(said: Mapping[str, Any]) -> Question:
    """Return the question of what was kept of one: `pairs` again, as lists of two."""
    return question_of((str(name), str(word)) for name, word in said["pairs"])


def _each(words: Sequence[str]) -> tuple[str, ...]:
    """Return words once each; several may stand in one, divided by commas."""
    return tuple(dict.fromkeys(part.strip() for word in words for part in word.split(",") if part.strip()))


def _expect_short(word: str) -> None:
    if len(word) > _LONGEST:
        raise FreeholdError("FH-A112", f"A word of a question has at most {_LONGEST:,} characters.", fix="Shorten it.")


def _filter(word: str, *, is_not: bool) -> Filter:
    field, equals, value = word.partition("=")
    return Filter(field.strip(), value if equals else None, is_not)


def _limit(word: str | None) -> int | None:
    if word is None:
        return None
    if not word.isdecimal() or len(word) > 9:
        raise FreeholdError("FH-N103", f"`{word}` is no number of rows.", fix="Ask for 0 rows or more.")
    return int(word)


def _conditions(filters: Sequence[Filter]) -> list[str]:
    """Return one condition for each field: values that are wanted stand together, values that are not, too."""
    groups: dict[tuple[str, bool], list[str | None]] = {}
    for one in filters:
        groups.setdefault((one.field, one.is_not), []).append(one.value)
    return [_condition(field, values, is_not=is_not) for (field, is_not), values in groups.items()]


def _condition(field: str, values: Sequence[str | None], *, is_not: bool) -> str:
    """Return `field` being one of some values, or none of them; an unknown value is none of what is known."""
    parts_of_name = key_of(field).parts or (field,)
    column = exp.column(*(_identifier(part) for part in reversed(parts_of_name)))
    known = [exp.Literal.string(value) for value in values if value is not None]
    parts: list[exp.Expr] = []
    if len(known) == 1:
        parts.append(exp.EQ(this=column.copy(), expression=known[0]))
    elif known:
        parts.append(exp.In(this=column.copy(), expressions=known))
    unknown = exp.Is(this=column.copy(), expression=exp.Null())
    if None in values:
        parts.append(unknown)
    one = exp.or_(*parts) if len(parts) > 1 else parts[0]
    if not is_not:
        return exp.paren(one).sql() if len(parts) > 1 else one.sql()
    kept = exp.not_(exp.paren(one))
    return kept.sql() if None in values else exp.paren(exp.or_(kept, unknown)).sql()


def _identifier(name: str) -> exp.Identifier:
    """Return a name as it stands in a condition: in quotes where the language has another use for it."""
    return exp.to_identifier(name, quoted=name.upper() in Tokenizer.KEYWORDS or None)


def as_python(question: Question, folder: str) -> str:
    """Return Python that asks it."""
    keep = {name: word for name, word in question.words.items() if name not in ("metrics", "by") and word}
    lines = [f"    {name}={word!r}," for name, word in keep.items()]
    more = ("\n        ".join(["", *(line.strip() for line in lines)]) + "\n    ") if lines else ""
    asks = f"{list(question.metrics)!r}, by={list(question.by)!r}"
    return (
        f'import freehold\n\nwith freehold.open("{folder}") as estate:\n'
        f"    answer = estate.metrics.query({asks}{',' if more else ''}{more})"
    )


def as_curl(address: str) -> str:
    """Return the command that reads an address of the API with a token, for a POSIX shell."""
    return f"curl -H \"Authorization: Bearer $TOKEN\" \\\n  '{address}'"


def as_yaml(question: Question) -> str:
    """Return it as YAML, as `POST /api/v1/query` takes it."""
    import yaml

    names = {"start": "from", "end": "to", "zone": "timezone"}
    said = {names.get(name, name): word for name, word in question.words.items() if word}
    return str(yaml.safe_dump(said, sort_keys=False, allow_unicode=True, default_flow_style=None)).rstrip()


def as_command(question: Question) -> str:
    """Return the command that asks it."""
    from shlex import quote

    options = {
        "by": ",".join(question.by), "where": question.condition, "from": question.start, "to": question.end,
        "compare": question.compare, "having": question.having, "order": ",".join(question.order),
        "limit": "" if question.limit is None else str(question.limit), "timezone": question.zone,
    }  # fmt: skip
    said = [f"--{name} {quote(word)}" for name, word in options.items() if word]
    return " ".join([f"freehold query {','.join(question.metrics)}", *said])
