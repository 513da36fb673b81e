"""What the gate says of a plan, written to the pull request that a CI job runs for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.changing import Judgement
    from freehold.delivery.plan import Plan
    from freehold.estate.model import Estate
    from freehold.metrics.comparing import Change as Redefinition


def tell(found: Plan, judged: Judgement | None, law: Estate, numbers: Sequence[Redefinition] = ()) -> None:
    """Write a plan to the pull request that a CI job runs for, and ask for review whoever's approval is missing.

    `numbers` are metrics that are defined otherwise, by both definitions.

    Raises:
        FreeholdError: FH-C010 no forge is named, or there is no pull request; FH-H001 to FH-H006 the forge refuses.
    """
    from freehold.connect.reviews import Forge, ask, comment, pull_request_here
    from freehold.delivery.gate import handles_of
    from freehold.delivery.plan.markdown import comment as text_of

    said, here = law.reviews, pull_request_here(os.environ)
    if not said or here is None:
        lacking = "no pull request that this runs for" if said else "no `reviews` in estate.yaml"
        raise FreeholdError(
            "FH-C010",
            f"There is nowhere to write the plan: {lacking}.",
            fix="Use --comment in the pipeline of `freehold export github`; elsewhere --format markdown prints it.",
            exit_code=Exit.USAGE,
        )
    forge = Forge.at(said["forge"], said["token"], environ=os.environ, api=said.get("api", ""))
    comment(here, forge, text_of(found, judged.verdict if judged else None, numbers))
    holders = {person for needed in judged.verdict.approvals_needed for person in needed.holders} if judged else set()
    named = handles_of(law, said["forge"])
    makers = judged.review.authors if judged and judged.review else frozenset[str]()
    asked = [h for h, who in named.items() if holders.intersection(who) and f"{said['forge']}:{h}" not in makers]
    ask(here, forge, asked)
