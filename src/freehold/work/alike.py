"""How much alike short texts are: by the telling words that both have; and which items are like what somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freehold.estate.operating import Workflow
    from freehold.work.item import Item
    from freehold.work.service import Work

MOST_ALIKE = 5  # are shown beside what somebody asks
_ALIKE = 0.5  # from which share of common words on two texts may ask for the same
_WORTH_A_LOOK = 0.25  # and from which on one is shown to whoever writes the other
_SMALL = frozenset(  # words that tell nothing of what is asked for
    {"a", "an", "and", "are", "as", "by", "data", "for", "from", "how", "i", "in", "is", "it", "need", "of", "on", "or"}
    | {"please", "the", "to", "want", "we", "what", "with"}
)


def alike(one: str, other: str) -> bool:
    """Whether two texts may ask for the same: of their telling words, half are common to both."""
    return _share(telling(one), telling(other)) >= _ALIKE


def closest(text: str, others: Mapping[str, str]) -> list[str]:
    """Return the keys of the texts that are worth a look beside a text, the closest first."""
    mine = telling(text)
    scored = ((_share(mine, telling(other)), key) for key, other in others.items())
    return [key for share, key in sorted(scored, key=lambda one: (-one[0], one[1])) if share >= _WORTH_A_LOOK]


def alike_items(work: Work, items: Iterable[Item], text: str, but: str = "") -> tuple[Item, ...]:
    """Return those of some items, but one, whose title is worth a look beside a text, the closest first."""
    known = {one.id: one for one in items if one.id != but}
    return tuple(known[id_] for id_ in closest(text, {id_: work.title(one) for id_, one in known.items()})[:MOST_ALIKE])


def asks(workflow: Workflow, said: Mapping[str, Any]) -> str:
    """Return the text by which is looked for what is like an item yet to be: the first of its fields of free text."""
    texts = (str(said[name]) for name, one in workflow.fields.items() if one.type == "text" and said.get(name))
    return next(texts, "").strip()


def telling(text: str) -> frozenset[str]:
    """Return the words of a text that tell what it is about, without their plural."""
    words = "".join(c if c.isalnum() else " " for c in text.casefold()).split()
    return frozenset(word.removesuffix("s") for word in words) - _SMALL


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0
