"""Anomalies as one asker may see them: of products they see, without values of rows that a policy hides from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from freehold import reliability
from freehold.foundation import FreeholdError
from freehold.server.rows_seen import words_are_hidden

if TYPE_CHECKING:
    from freehold.reliability import Anomaly, Judgement
    from freehold.server.web.showing import Asked


@dataclass(frozen=True, slots=True)
class Unusual:
    """An anomaly as somebody may see it.

    Attributes:
        values: those that are new or lost, where it is about such.
        why: why values are not shown; empty where they are.
    """

    anomaly: Anomaly
    product: str
    values: tuple[str, ...] = ()
    why: str = ""

    @property
    def what(self) -> str:
        """What is measured, and the values that are new or lost."""
        measure = str(self.anomaly.measure)
        return f"{measure}: {', '.join(self.values)}" if self.values else measure

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it; what stands for values in the ledger is left out."""
        said = self.anomaly.to_json() | {"product": self.product or None, "values": list(self.values)}
        return {name: value for name, value in said.items() if name != "categories"} | {"withheld": self.why or None}


@dataclass(frozen=True)
class Anomalies:
    """The anomalies of the environment, as one asker sees them."""

    asked: Asked

    def all(self, *, asset: str = "", product: str = "", closed: bool = False) -> tuple[Anomaly, ...]:
        """Return anomalies that may be seen, the newest first; those that are closed only where they are asked for.

        They are as the ledger has them: what is shown of them goes through `told`.

        Raises:
            FreeholdError: FH-D201 there is no such product, or the asker may not see it.
        """
        if product:
            self.asked.snapshot.product(product)
        ledger, env = self.asked.served.snapshots.ledger, self.asked.snapshot.env
        found = reliability.anomalies(ledger, env, asset=asset or None, product=product or None, closed=closed)
        return tuple(one for one in reversed(found) if self._is_seen(one))

    def told(self, one: Anomaly) -> Unusual:
        """Return an anomaly that may be seen as the asker may see it."""
        if why := self._hidden(one.asset):
            bare = replace(one, value=None, expected=None, low=None, high=None, categories=())
            return Unusual(bare, _product(one), why=why)
        return Unusual(one, _product(one), reliability.values_of(self.asked.served.snapshots.ledger, one))

    def get(self, id_: str) -> Unusual:
        """Return one anomaly.

        Raises:
            FreeholdError: FH-E301 there is none, or the asker may not see it.
        """
        ledger, env = self.asked.served.snapshots.ledger, self.asked.snapshot.env
        found = reliability.anomaly(ledger, env, id_)
        if found is None or not self._is_seen(found):
            fix = "See `/anomalies`."
            raise FreeholdError("FH-E301", f"There is no anomaly `{id_[:40]}`.", fix=fix)
        return self.told(found)

    def past(self, one: Unusual) -> tuple[Judgement, ...]:
        """Return how its measure went around it; nothing where a policy hides values."""
        if one.why:
            return ()
        return reliability.past(self.asked.served.snapshots.ledger, self.asked.snapshot.env, one.anomaly)

    def may_close(self, one: Unusual) -> bool:
        """Whether the asker may say what it was: who may have the product built."""
        return bool(self.asked.served.rights.may(self.asked.who, "run", one.product))

    def close(self, id_: str, verdict: str) -> Unusual:
        """Say what an anomaly was, in the asker's name.

        Raises:
            FreeholdError: FH-E301 there is none; FH-E302 it was closed before; FH-A112 that is no verdict; what
                `Rights.expect` raises.
        """
        found = self.get(id_)
        if verdict not in reliability.VERDICTS:
            fix = f"Say one of: {', '.join(reliability.VERDICTS)}."
            raise FreeholdError("FH-A112", f"`{verdict[:40]}` is not what an anomaly can be.", fix=fix)
        self.asked.served.rights.expect(self.asked.who, "run", found.product)
        ledger = self.asked.served.snapshots.ledger.acting(self.asked.who.caller("run"))
        reliability.close(ledger, self.asked.snapshot.env, id_, verdict)
        return replace(found, anomaly=replace(found.anomaly, verdict=verdict))

    def _is_seen(self, one: Anomaly) -> bool:
        return self.asked.snapshot.seen is None or _product(one) in self.asked.snapshot.seen

    def _hidden(self, asset: str) -> str:
        if asset not in self._why:
            self._why[asset] = words_are_hidden(self.asked, asset)
        return self._why[asset]

    @cached_property
    def _why(self) -> dict[str, str]:
        return {}


def _product(one: Anomaly) -> str:
    return one.product or one.asset.rpartition(".")[0]
