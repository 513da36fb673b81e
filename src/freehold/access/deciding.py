"""The decision: a caller, an action and a product come in, a verdict and its reason go out. Pure, over what files say.

Nobody does anything to what they may not see; those of a product's team always see it. Whoever sits at the shell can
read every file of the estate, so nothing is kept from them here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from freehold.access.words import ACTIONS, EVERYONE, MEMBER, OF_PRODUCT, USUAL, Action, is_reference
from freehold.work import Raci

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.foundation import Caller

_SHELL = "user:local/"  # whom `Caller.at_the_shell` names; no identity provider may be called `local`


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether somebody may, and why: a sentence for people.

    `who_may` are the words of the files that would have let them: roles, references, `everyone`.
    """

    allowed: bool
    why: str
    who_may: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True)
class Access:
    """What an estate's files say of who may do what."""

    estate: Estate

    @cached_property
    def _raci(self) -> Raci:
        return Raci.of(self.estate)

    def may(self, caller: Caller, action: Action, product: str = "") -> Verdict:
        """Say whether a caller may do something to a product; without one, to the estate as a whole.

        A product that is not there, and one that the caller may not see, give the same verdict.
        """
        if verdict := self._of_everything(caller):
            return verdict
        if not product:
            return self._whole(caller, action)
        if product not in self.estate.products or not self._sees(caller, product):
            return Verdict(False, f"There is no product `{product}`.")
        if action == "see":
            return Verdict(True, f"`{product}` may be seen by {_listed(self.whom('see', product))} and its team.")
        return self._done(caller, action, product)

    def visible(self, caller: Caller) -> frozenset[str]:
        """Return the products that a caller may see."""
        products = self.estate.products
        if self._of_everything(caller):
            return frozenset(products)
        return frozenset(product for product in products if self._sees(caller, product))

    def is_limited(self, caller: Caller) -> bool:
        """Whether anything at all may be kept from a caller."""
        return not self._of_everything(caller)

    def is_open(self, action: Action) -> bool:
        """Whether everyone who sees a product may do something to it, whichever product it is."""
        said = (one.custom.get(OF_PRODUCT, {}).get(action) for one in self.estate.products.values())
        return EVERYONE in self.whom(action) and all(EVERYONE in words for words in said if words is not None)

    def whom(self, action: Action, product: str = "") -> tuple[str, ...]:
        """Return who may, as files say it: the product's own words, else the estate's, else the usual ones."""
        said = self.estate.products[product].custom.get(OF_PRODUCT, {}) if product in self.estate.products else {}
        if action in said:
            return tuple(said[action])
        return tuple(self.estate.access.get(action, USUAL[action]))

    def _of_everything(self, caller: Caller) -> Verdict | None:
        """Return the verdict on those from whom nothing is kept; None for all others."""
        if caller.assurance in ("local", "system"):
            return Verdict(True, "Whoever sits at the shell reads every file of the estate.")
        if caller.assurance == "token" and caller.principal.startswith(_SHELL):
            return Verdict(True, "The token was made at the shell.")
        return self._as_administrator(_names(caller))

    def _as_administrator(self, names: Collection[str]) -> Verdict | None:
        for word in self.whom("administer"):
            if not self._raci.meant(word).isdisjoint(names) or word in names:
                return Verdict(True, f"`{word}` administers the estate.")
        return None

    def _whole(self, caller: Caller, action: Action) -> Verdict:
        """Judge what concerns no product: roles of teams say nothing there, references and `everyone` do."""
        whom = self.whom(action)
        for word in whom:
            if word == EVERYONE or (is_reference(word) and self._is_meant(caller, word, "")):
                return Verdict(True, f"`{word}` may {action} in the whole estate.")
        return Verdict(
            False, _refusal(caller, action, "the estate as a whole"), tuple(w for w in whom if is_reference(w))
        )

    def _done(self, caller: Caller, action: Action, product: str) -> Verdict:
        whom = self.whom(action, product)
        for word in whom:
            if self._is_meant(caller, word, product):
                return Verdict(True, f"`{word}` may {action} `{product}`.")
        return Verdict(False, _refusal(caller, action, f"`{product}`"), whom)

    def _sees(self, caller: Caller, product: str) -> bool:
        whom = self.whom("see", product)
        return EVERYONE in whom or any(self._is_meant(caller, word, product) for word in (*whom, MEMBER))

    def _is_meant(self, caller: Caller, word: str, product: str) -> bool:
        names = _names(caller)
        if word == EVERYONE:
            return True
        if word == MEMBER:
            return self._is_member(names, product)
        if is_reference(word):
            return word in names or not self._raci.meant(word, product).isdisjoint(names)
        return not self._raci.holders(word, product).isdisjoint(names)

    def _is_member(self, names: Collection[str], product: str) -> bool:
        team = self.estate.products[product].team or ""
        if not self._raci.meant(f"team:{team}", product).isdisjoint(names):
            return True
        return bool(self._raci.roles_of(names, product))


def may(estate: Estate, caller: Caller, action: Action, product: str = "") -> Verdict:
    """Say whether a caller may do something, by an estate's files: see `Access.may`."""
    return Access(estate).may(caller, action, product)


def visible_products(estate: Estate, caller: Caller) -> frozenset[str]:
    """Return the products of an estate that a caller may see."""
    return Access(estate).visible(caller)


def _names(caller: Caller) -> frozenset[str]:
    return frozenset((caller.principal, *caller.groups))


def _refusal(caller: Caller, action: Action, what: str) -> str:
    return f"{caller.principal} may not {_spoken(action)} {what}."


def _spoken(action: Action) -> str:
    return {"see_rows": "see rows of", "roll_back": "roll back", "ask": "ask metrics over"}.get(action, action)


def _listed(words: Collection[str]) -> str:
    return ", ".join(words) or "nobody else"


assert set(USUAL) == set(ACTIONS), "every action has somebody who usually may"
