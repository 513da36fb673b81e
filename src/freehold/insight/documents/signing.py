"""Who signs a document: whoever its file names, else the owner of its product, and of the estate where it has none.

What they sign is recorded once, however often they say it, and if two processes do at the same time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError
from freehold.work import Raci

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.foundation import Caller
    from freehold.insight.documents.declared import DocumentFile
    from freehold.ledger import Event, Ledger, Recorded

_OTHERWISE = "FH-L003"


def signers(file: DocumentFile, law: Estate, product: str = "") -> frozenset[str]:
    """Return the principals and groups that sign a document.

    Args:
        file: the document; its `owner` is a team, whose owner signs, or a reference.
        law: the estate in force, by whose teams it is judged.
        product: the product an edition is of, where it is of one.
    """
    raci, named = Raci.of(law), file.owner or ""
    if team := law.teams.get(named.removeprefix("team:")):
        found = frozenset(one for word in team.roles.get("owner", ()) for one in raci.meant(word))
    else:
        found = raci.meant(named, product) if named else frozenset()
        found -= {named} if _is_held_by_nobody(named) else frozenset()
    return found or raci.holders("owner", product)


def expect_signer(file: DocumentFile, law: Estate, product: str, caller: Caller) -> None:
    """Make sure that somebody is one of those who sign a document.

    Raises:
        FreeholdError: FH-O115 they are not; it names who is.
    """
    who = signers(file, law, product)
    if who.isdisjoint({caller.principal, *caller.groups}):
        raise FreeholdError(
            "FH-O115", f"`{caller.principal}` is not among those who sign `{file.id}`.", exit_code=Exit.APPROVAL,
            fix=f"Ask {', '.join(sorted(who))}; the files of teams say who holds a role." if who
            else "Nobody is: name an owner in the file of the team.",
        )  # fmt: skip


def told_once(ledger: Ledger, event: Event, name: str, kind: str, words: Any) -> Recorded:
    """Record an event with words that can be erased, in its field of a name, unless one of its id is there; return it.

    Args:
        ledger: where.
        event: with an id that says what it tells.
        name: the field that holds where the words are kept.
        kind: what the words are called in the side store.
        words: nothing is kept where they are empty.
    """
    found = ledger.get(str(event.id))
    if found is not None:
        return found
    kept = ledger.side.put(kind, words, event.subject) if words else None
    try:
        ledger.append(replace(event, data={**event.data, name: kept}))
    except FreeholdError as error:
        if error.code != _OTHERWISE:
            raise
        if kept is not None:  # another said it between: theirs stays
            ledger.side.erase(kept, "it was said twice at once")
    there = ledger.get(str(event.id))
    assert there is not None, "it was recorded, here or by whoever was first"
    return there


def _is_held_by_nobody(word: str) -> bool:
    """Whether a word that means itself is a role no team gives; one of the identity provider has its name in it."""
    return word.startswith("role:") and "/" not in word
