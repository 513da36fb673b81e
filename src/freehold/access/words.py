"""The words of access: what can be done to a product, and who does it where no file says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Action = Literal["see", "ask", "see_rows", "run", "apply", "approve", "roll_back", "administer"]

ACTIONS: Mapping[Action, str] = {
    "see": "see that it exists, and all that pages and the API tell of it",
    "ask": "ask metrics over it",
    "see_rows": "see rows of it that a check held back",
    "run": "have it built or checked",
    "apply": "put changes of it in force",
    "approve": "approve changes of it",
    "roll_back": "take back what was published of it",
    "administer": "do everything, to every product",
}
EVERYONE = "everyone"  # whoever is signed in
MEMBER = "member"  # of the team of the product: its members, and whoever holds a role there
USUAL: Mapping[Action, tuple[str, ...]] = {
    "see": (EVERYONE,),
    "ask": (EVERYONE,),
    "see_rows": (MEMBER,),
    "run": (MEMBER,),
    "apply": ("owner", "steward"),
    "approve": ("owner", "steward"),
    "roll_back": (MEMBER,),
    "administer": (),
}
OF_PRODUCTS: tuple[Action, ...] = tuple(action for action in ACTIONS if action != "administer")
OF_PRODUCT = "freehold:access"  # the custom property of a product that says otherwise


def is_reference(word: str) -> bool:
    """Whether a word names somebody: a principal, a group, a role or a team; else it is a role of the team's own."""
    return ":" in word
