"""Which of the rows that a check held back somebody may see, and in which form.

What holds for answers holds for these: access says who sees any, the asset's data policy which rows and in what form.
Rows of an asset without a policy, from which one with a policy is built, are shown to whom that policy hides nothing.
Whatever cannot be decided is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from freehold.foundation import LOCAL, FreeholdError
from freehold.metrics.policies import asset_of, policy_for
from freehold.server.rights import refusal

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.estate.model import Estate
    from freehold.foundation import Caller
    from freehold.metrics.rows import Policy
    from freehold.server.web.showing import Asked

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """Rows as somebody may see them; `why` says what is not shown, and whom to ask. Empty where all is."""

    rows: tuple[Row, ...] = ()
    why: str = ""


def rows_seen(asked: Asked, asset: str, product: str, rows: Sequence[Row]) -> Seen:
    """Return rows of an asset as the asker may see them.

    Args:
        asked: who asks, and the estate.
        asset: whose rows they are.
        product: the product of the asset.
        rows: as they were put aside: values as JSON has them, by column.
    """
    verdict = asked.served.rights.may(asked.who, "see_rows", product)
    if not verdict:
        error = refusal(verdict)
        return Seen(why=f"{error.problem} {error.fix}")
    whole = asked.snapshot.whole or asked.snapshot
    return under_policies(whole.estate, whole.graph, asked.who.caller("look into what was held"), asset, rows)


def why_words_are_hidden(asked: Asked, asset: str, product: str) -> str:
    """Return why words that quote rows of an asset are not shown to the asker; empty where every row is, as it is.

    An engine quotes what it could not read, and a profile is of values: they are seen by whoever sees all of the rows.
    """
    verdict = asked.served.rights.may(asked.who, "see_rows", product)
    if not verdict:
        error = refusal(verdict)
        return f"{error.problem} {error.fix}"
    whole = asked.snapshot.whole or asked.snapshot
    return why_hidden(whole.estate, whole.graph, asked.who.caller("look into what happened"), asset)


def words_are_hidden(asked: Asked, asset: str) -> str:
    """Return why what broke a check of an asset is not told to the asker; empty where no policy hides its rows."""
    whole = asked.snapshot.whole or asked.snapshot
    return why_hidden(whole.estate, whole.graph, asked.who.caller("read verdicts"), asset)


def why_hidden(estate: Estate, graph: Graph, caller: Caller, asset: str) -> str:
    """Return why a caller may not see every row of an asset as it is; empty where they may."""
    if not estate.policies:
        return ""
    try:
        policy = policy_for(estate, asset_of(estate, asset), caller)
        if policy is None and asset not in graph.assets:
            return f"`{asset}` is not in the files any more, so no policy can say who sees it."
        if policy is None:
            return _hidden_below(estate, graph, caller, asset)
        return f"The policy `{policy.name}` hides some of `{asset}` from you." if policy.hides else ""
    except FreeholdError as error:
        return f"{error.problem} {error.fix}".strip()


def why_some_are_hidden(estate: Estate, caller: Caller) -> str:
    """Return which policy hides anything at all from a caller, as a sentence; empty where none does."""
    try:
        for asset in sorted({name for policy in estate.policies.values() for name in policy.of}):
            policy = policy_for(estate, asset, caller)
            if policy is not None and policy.hides:
                return f"The policy `{policy.name}` hides some of `{asset}` from you."
    except FreeholdError as error:
        return f"{error.problem} {error.fix}".strip()
    return ""


def under_policies(estate: Estate, graph: Graph, caller: Caller, asset: str, rows: Sequence[Row]) -> Seen:
    """Return rows of an asset as the policies of the estate let a caller see them."""
    try:
        policy = policy_for(estate, asset_of(estate, asset), caller)
        if policy is None:
            why = _hidden_below(estate, graph, caller, asset)
            return Seen(why=why) if why else Seen(tuple(rows))
        return _policed(estate, policy, asset, rows) if policy.hides else Seen(tuple(rows))
    except FreeholdError as error:
        return Seen(why=f"{error.problem} {error.fix}".strip())


def _hidden_below(estate: Estate, graph: Graph, caller: Caller, asset: str) -> str:
    for below in graph.downstream({asset}):
        policy = policy_for(estate, asset_of(estate, below), caller)
        if policy is not None and policy.hides:
            return f"What is built from it is under the policy `{policy.name}`, which hides some of it from you."
    return ""


def _policed(estate: Estate, policy: Policy, asset: str, rows: Sequence[Row]) -> Seen:
    if policy.fewest > 1:
        return Seen(why=f"The policy `{policy.name}` shows groups of at least {policy.fewest} rows, and no row alone.")
    promised = estate.contract_of(asset_of(estate, asset))
    columns = {p.column for p in promised[1].columns} if promised else set()
    if strange := [name for row in rows for name in row if name not in columns]:
        why = f"`{strange[0]}` is no column of the contract, so the policy `{policy.name}` cannot say who sees it."
        return Seen(why=why)
    found = _applied(policy, rows)
    hidden = len(rows) - len(found)
    return Seen(found, f"The policy `{policy.name}` keeps {hidden} of them from you." if hidden else "")


def _applied(policy: Policy, rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return the rows that a policy lets through, masked.

    Evaluated where nothing else is, as the warehouse would: in an engine in memory.

    Raises:
        FreeholdError: it cannot be said of these values, which are not of the types of the asset.
    """
    from freehold.engines import open_engine

    if not rows:
        return ()
    names = list(rows[0])
    chosen = [
        exp.alias_(policy.masks[n].copy(), n, quoted=True) if n in policy.masks else exp.column(n, quoted=True)
        for n in names
    ]
    values = exp.values([tuple(row.get(name) for name in names) for row in rows], alias="t", columns=names)
    query = exp.select(*chosen).from_(values)
    query = query.where(policy.rows.copy()) if policy.rows is not None else query
    engine = open_engine("duckdb://", root=".")
    try:
        session = engine.session(LOCAL)
        try:
            return tuple(dict(zip(names, row, strict=True)) for row in session.rows(query))
        finally:
            session.close()
    finally:
        engine.close()
