"""A question in words becomes a question to metrics, or is asked back, or refused; it is never guessed at in silence.

Deterministic: names, synonyms, labels, the values of fields and dates, matched longest first. Every word has to be
accounted for, and what was understood is said with the answer. The result is a value that a language model may fill in
instead: what is asked is then judged and compiled in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from freehold.metrics.catalogue import Catalogue
from freehold.metrics.facts import facts_of
from freehold.metrics.model import Metric, Model
from freehold.metrics.paths import reachable
from freehold.metrics.phrases import Time, grain_in, time_in

_FILLING = """
    a all amount an and are at be did do does figure for from give had has have how i in into is it list many me
    much my number of on or our overall please rate show sum tell than that the their there these they this to
    total us value was we were what when which who with you your
"""
_NEUTRAL = frozenset(_FILLING.split())
_GROUPING = frozenset(("by", "per", "each", "every", "across", "for each", "split"))
_SHORTEST = 2
_LONGEST_PHRASE = 6
Values = Callable[[Metric], Mapping[str, Iterable[str]]]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a question in words comes to.

    `answer`: `question` holds the words for `asked`, and nothing was left open. `ask`: one of `options` has to be
    chosen for the phrase `about`. `refuse`: `left` are the words that mean nothing here; `question` is what the rest
    says.
    """

    kind: Literal["answer", "ask", "refuse"]
    question: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    options: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """Return what was understood, in one line."""
        q = self.question
        parts = [", ".join(q.get("metrics", ()))]
        parts += [f"by {', '.join(q['by'])}"] if q.get("by") else []
        parts += [f"where {q['where']}"] if q.get("where") else []
        parts += [f"from {q['start']}"] if q.get("start") else []
        parts += [f"to {q['end']}"] if q.get("end") else []
        parts += [f"against {q['compare'].partition(':')[2]} before"] if q.get("compare") else []
        parts += [f"the first {q['limit']}"] if q.get("limit") is not None else []
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class _Hit:
    """A phrase of the question that means something: its words, and what it may mean."""

    start: int
    length: int
    kind: str  # metric | key | value
    meant: tuple[str, ...]


def suggestion(catalogue: Catalogue, text: str, today: date, values: Values = lambda _: {}) -> Suggestion:
    """Return what a question in words comes to.

    Args:
        catalogue: the metrics.
        text: the question.
        today: the day from which `last month` is counted.
        values: gives the values of the fields a metric can be filtered by, by dotted name; asked for only where words
            are left that could be such.
    """
    time, rest = time_in(text.lower(), today)
    grain, rest = grain_in(rest)
    top, rest = _top_in(rest)
    words = [w for w in re.findall(r"[\w&'./+-]+", rest) if w.strip("'./-")]
    hits = list(_matched(words, _metric_phrases(catalogue)))
    if not hits:
        return Suggestion("refuse", left=tuple(_unused(words, [])))
    unclear = next((h for h in hits if len(h.meant) > 1), None)
    if unclear is not None:
        return Suggestion("ask", about=_phrase(words, unclear), options=_best_first(catalogue, unclear.meant))
    metrics = list(dict.fromkeys(_shortest_name(catalogue, h.meant[0]) for h in hits))
    return _with_rest(catalogue, words, hits, metrics, time, grain, top, values)


def _with_rest(
    catalogue: Catalogue, words: Sequence[str], hits: list[_Hit], metrics: list[str], time: Time, grain: str | None,
    top: int | None, values: Values,
) -> Suggestion:  # fmt: skip
    first = catalogue.metric(metrics[0])
    model = catalogue.models[first.model]
    taken = {i for h in hits for i in range(h.start, h.start + h.length)}
    keys = [h for h in _matched(words, _key_phrases(model, first), taken) if _is_grouped(words, h, taken)]
    taken |= {i for h in keys for i in range(h.start, h.start + h.length)}
    found: list[_Hit] = []
    if any(w not in _NEUTRAL | _GROUPING for w in _unused(words, taken)):
        found = list(_matched(words, _value_phrases(values(first)), taken))
        taken |= {i for h in found for i in range(h.start, h.start + h.length)}
    unclear = next((h for h in (*keys, *found) if len(h.meant) > 1), None)
    if unclear is not None:
        return Suggestion("ask", about=_phrase(words, unclear), options=unclear.meant)
    by = [h.meant[0] for h in keys] + ([grain] if grain else [])
    if top is not None and not by:
        return Suggestion("refuse", _question(metrics, by, found, time, top), left=(f"top {top}",))
    question = _question(metrics, by, found, time, top)
    left = tuple(w for w in _unused(words, taken) if w not in _NEUTRAL | _GROUPING)
    return Suggestion("refuse" if left else "answer", question, left=left)


def _question(
    metrics: Sequence[str], by: Sequence[str], found: Sequence[_Hit], time: Time, top: int | None
) -> dict[str, Any]:
    where = " AND ".join(dict.fromkeys(h.meant[0] for h in found))
    said = {
        "metrics": list(metrics), "by": list(dict.fromkeys(by)), "where": where or None, "start": time.start,
        "end": time.end, "compare": time.compare, "limit": top, "order": [f"-{metrics[0]}"] if top else None,
    }  # fmt: skip
    return {key: value for key, value in said.items() if value}


def _shortest_name(catalogue: Catalogue, id_: str) -> str:
    """Return the name of a metric, or its id where several have that name."""
    name = id_.rpartition(".")[2]
    return name if sum(metric.name == name for metric in catalogue.metrics()) == 1 else id_


def _top_in(text: str) -> tuple[int | None, str]:
    match = re.search(r"\b(?:top|first|best|highest)\s+(\d{1,4})\b", text)
    return (int(match[1]), text.replace(match[0], " by ", 1)) if match else (None, text)


def _metric_phrases(catalogue: Catalogue) -> dict[tuple[str, ...], tuple[str, ...]]:
    found: dict[tuple[str, ...], dict[str, None]] = {}
    for metric in catalogue.metrics():
        if metric.status == "deprecated" and metric.replaced_by:
            continue
        for text in (metric.name, metric.words.get("label", ""), *metric.synonyms):
            if words := _stems(text):
                found.setdefault(words, {})[metric.id] = None
    return {words: tuple(ids) for words, ids in found.items()}


def _key_phrases(model: Model, metric: Metric) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return what fields are called: a role's or dataset's field by both words, by its own, by label and synonyms."""
    found: dict[tuple[str, ...], dict[str, None]] = {}
    for head, dataset, distance in _within(model, metric):
        for one in model.datasets[dataset].fields.values():
            name = f"{head}.{one.name}" if distance else one.name
            for text in (one.name, f"{head} {one.name}", one.label, *one.synonyms):
                if words := _stems(text):
                    found.setdefault(words, {}).setdefault(name)
    return {words: _nearest(names) for words, names in found.items()}


def _nearest(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of a fact's own fields, if there are any; they are what a bare word means in `--by`, too."""
    given = tuple(names)
    own = tuple(n for n in given if "." not in n)
    return own or given


def _within(model: Model, metric: Metric) -> Iterator[tuple[str, str, int]]:
    """Yield what leads from a metric's fact to a dataset: its role (or own name), the dataset, how far it is."""
    facts = [d for d in model.datasets if d in {f.partition(".")[0] for f in _facts(model, metric)}]
    for fact in facts[:1]:
        for dataset, paths in reachable(model, fact).items():
            for path in paths:
                yield (path[-1].name if path else dataset), dataset, len(path)


def _facts(model: Model, metric: Metric) -> list[str]:
    return list(facts_of(Catalogue({model.name: model}), metric))


def _value_phrases(values: Mapping[str, Iterable[str]]) -> dict[tuple[str, ...], tuple[str, ...]]:
    found: dict[tuple[str, ...], dict[str, None]] = {}
    for name, each in values.items():
        for value in each:
            if words := tuple(re.findall(r"[\w&'./+-]+", value.lower())):
                quoted = value.replace("'", "''")
                found.setdefault(words, {})[f"{name} = '{quoted}'"] = None
    return {words: _nearest_condition(conditions) for words, conditions in found.items()}


def _nearest_condition(conditions: Iterable[str]) -> tuple[str, ...]:
    given = tuple(conditions)
    own = tuple(c for c in given if "." not in c.partition(" = ")[0])
    return own or given


def _matched(
    words: Sequence[str], phrases: Mapping[tuple[str, ...], tuple[str, ...]], taken: Iterable[int] = ()
) -> Iterator[_Hit]:
    """Yield the phrases that stand in the question, the longest first, none over another."""
    used = set(taken)
    stems = [_stem(w) for w in words]
    for length in range(min(_LONGEST_PHRASE, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            span = range(start, start + length)
            if used.intersection(span):
                continue
            meant = phrases.get(tuple(words[i] for i in span)) or phrases.get(tuple(stems[i] for i in span))
            if meant:
                used |= set(span)
                yield _Hit(start, length, "", meant)


def _is_grouped(words: Sequence[str], hit: _Hit, taken: Iterable[int]) -> bool:
    """Whether a field is named to group by: after `by`, or after another field that is."""
    before = hit.start - 1
    while before >= 0 and (words[before] in ("and", "the") or before in set(taken)):
        before -= 1
    return before >= 0 and (words[before] in _GROUPING or _is_listed(words, before))


def _is_listed(words: Sequence[str], index: int) -> bool:
    return any(w in _GROUPING for w in words[max(0, index - 3) : index])


def _unused(words: Sequence[str], taken: Iterable[int]) -> list[str]:
    used = set(taken)
    return [w for i, w in enumerate(words) if i not in used]


def _phrase(words: Sequence[str], hit: _Hit) -> str:
    return " ".join(words[hit.start : hit.start + hit.length])


def _best_first(catalogue: Catalogue, ids: Iterable[str]) -> tuple[str, ...]:
    order = ("certified", "lapsed", "draft", "deprecated")
    return tuple(sorted(ids, key=lambda i: (order.index(catalogue.metric(i).status), i)))


def _stems(text: str) -> tuple[str, ...]:
    return tuple(_stem(w) for w in re.findall(r"[a-z0-9%]+", text.lower()))


def _stem(word: str) -> str:
    """Return a word without the ending of its plural."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word
