"""Times in words: `last year`, `since March 2011`, `in Q3 2011`, `monthly`, `against the year before`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTH = "|".join(f"{m}|{m[:3]}" for m in _MONTHS)
_GRAIN = r"hour|day|week|month|quarter|year|fiscal quarter|fiscal year"
_ADVERBS = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter"}
_ADVERBS |= {"yearly": "year", "annually": "year", "annual": "year"}
_AGAINST = r"\b(?:vs\.?|versus|against|compared (?:to|with)|over) (?:the )?"
_COMPARED = re.compile(
    rf"{_AGAINST}(?:last|previous|prior|same) (week|month|quarter|year)(?: before)?\b"
    rf"|{_AGAINST}(week|month|quarter|year) before\b"
)


@dataclass(frozen=True, slots=True)
class Time:
    """A stretch of time, both ends included, as `asked` takes them; and what it is compared with."""

    start: str | None = None
    end: str | None = None
    compare: str | None = None


def time_in(text: str, today: date) -> tuple[Time, str]:
    """Return the time that a text in lower case speaks of, and the text without it."""
    compare = _COMPARED.search(text)
    told = Time()
    if compare:
        told = Time(compare=f"prior:1 {compare[1] or compare[2]}")
        text = text.replace(compare[0], " ", 1)
    for pattern, read in _PATTERNS:
        match = re.search(pattern, text)
        if match:
            start, end = read(match, today)
            return replace(told, start=start, end=end), text.replace(match[0], " ", 1)
    return told, text


def grain_in(text: str) -> tuple[str | None, str]:
    """Return the period that a text groups by, and the text without it."""
    match = re.search(rf"\b(?:by|per|each|every|for each)(?: the)? ({_GRAIN})s?\b", text)
    if match:
        return match[1].replace(" ", "_"), text.replace(match[0], " ", 1)
    match = re.search(rf"\b(?:by|per)\b.*?\b(and ({_GRAIN})s?)\b", text)
    if match:
        return match[2].replace(" ", "_"), text.replace(match[1], " ", 1)
    word = next((w for w in _ADVERBS if re.search(rf"\b{w}\b", text)), None)
    return (_ADVERBS[word], re.sub(rf"\b{word}\b", " ", text, count=1)) if word else (None, text)


def _month_of(word: str) -> int:
    return next(i for i, m in enumerate(_MONTHS, start=1) if m.startswith(word[:3]))


def _named_month(match: re.Match[str], _: date) -> tuple[str, str]:
    month = f"{int(match[2]):04}-{_month_of(match[1]):02}"
    return month, month


def _from_to(match: re.Match[str], _: date) -> tuple[str, str]:
    return _edge(match[1]), _edge(match[2])


def _since(match: re.Match[str], _: date) -> tuple[str, None]:
    return _edge(match[1]), None


def _until(match: re.Match[str], _: date) -> tuple[None, str]:
    return None, _edge(match[1])


def _edge(text: str) -> str:
    """Return `march 2011`, `2011` or `2011-03-07` as a day, month or year."""
    named = re.fullmatch(rf"({_MONTH})\.? (\d{{4}})", text)
    return f"{named[2]}-{_month_of(named[1]):02}" if named else text


def _quarter(match: re.Match[str], _: date) -> tuple[str, str]:
    first = int(match[1]) * 3 - 2
    return f"{match[2]}-{first:02}", f"{match[2]}-{first + 2:02}"


def _last_of(match: re.Match[str], today: date) -> tuple[str, str]:
    return _around(match[2], today, 0 if match[1] == "this" else 1)


def _around(unit: str, today: date, back: int) -> tuple[str, str]:
    """Return the period today lies in, or the one before."""
    if unit == "year":
        return f"{today.year - back}", f"{today.year - back}"
    if unit == "week":
        monday = today - timedelta(days=today.weekday() + 7 * back)
        return monday.isoformat(), (monday + timedelta(days=6)).isoformat()
    length = 3 if unit == "quarter" else 1
    index = (today.year * 12 + today.month - 1) // length * length - length * back
    first, last = ((i // 12, i % 12 + 1) for i in (index, index + length - 1))
    return f"{first[0]}-{first[1]:02}", f"{last[0]}-{last[1]:02}"


def _last_days(match: re.Match[str], today: date) -> tuple[str, str]:
    days = int(match[1]) * {"day": 1, "week": 7}[match[2]]
    return (today - timedelta(days=days)).isoformat(), (today - timedelta(days=1)).isoformat()


def _last_months(match: re.Match[str], today: date) -> tuple[str, str]:
    months = int(match[1]) * (12 if match[2] == "year" else 1)
    index = today.year * 12 + today.month - 1
    first, last = index - months, index - 1
    return f"{first // 12}-{first % 12 + 1:02}", f"{last // 12}-{last % 12 + 1:02}"


def _yesterday(match: re.Match[str], today: date) -> tuple[str, str]:
    day = (today - timedelta(days=1 if match[0] == "yesterday" else 0)).isoformat()
    return day, day


def _itself(match: re.Match[str], _: date) -> tuple[str, str]:
    return match[1], match[1]


_POINT = rf"(?:{_MONTH})\.? \d{{4}}|\d{{4}}(?:-\d\d(?:-\d\d)?)?"
_PATTERNS = (
    (rf"\b(?:from|between) ({_POINT}) (?:to|until|and|through) ({_POINT})\b", _from_to),
    (rf"\b(?:since|from|after) ({_POINT})\b", _since),
    (rf"\b(?:until|up to|through) ({_POINT})\b", _until),
    (r"\b(?:in )?q([1-4]) (\d{4})\b", _quarter),
    (rf"\b(?:in |for |of |during )?({_MONTH})\.? (\d{{4}})\b", _named_month),
    (r"\b(?:in |for |over |during )?the (?:last|past) (\d{1,3}) (day|week)s\b", _last_days),
    (r"\b(?:in |for |over |during )?(?:last|past) (\d{1,3}) (day|week)s\b", _last_days),
    (r"\b(?:in |for |over |during )?(?:the )?(?:last|past) (\d{1,3}) (month|year)s\b", _last_months),
    (r"\b(?:in |for |of |during )?(this|last|previous) (week|month|quarter|year)\b", _last_of),
    (r"\b(?:yesterday|today)\b", _yesterday),
    (r"\b(?:on |in |for |of |during )?(\d{4}-\d\d(?:-\d\d)?)\b", _itself),
    (r"\b(?:in |for |of |during )?((?:19|20)\d\d)\b", _itself),
)
