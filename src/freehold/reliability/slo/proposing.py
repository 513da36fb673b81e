"""What was learned of arrivals, as a change of a contract: its text with two entries more, and nothing else touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from freehold.estate.calendars import days_of
from freehold.estate.editing import diff_of, with_entry
from freehold.estate.loading import documents_of
from freehold.estate.writing import inline
from freehold.foundation import Exit, FreeholdError
from freehold.reliability.slo.learning import Learned, learn
from freehold.reliability.slo.watch import arrivals_of

if TYPE_CHECKING:
    from freehold.estate.document import Document
    from freehold.estate.model import Contract, Estate
    from freehold.ledger import Ledger

ARRIVES, BY = "freehold:arrives", "timeOfAvailability"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of one contract: the file, its text before and after, and what that was learned from."""

    asset: str
    path: str
    before: str
    after: str
    learned: Learned

    @property
    def diff(self) -> str:
        """The change as a unified diff; empty where the contract says just that."""
        return diff_of(self.path, self.before, self.after)


def proposal_for(estate: Estate, ledger: Ledger, env: str, asset: str) -> Proposal:
    """Return what the contract of an asset could promise, by when its data came.

    Raises:
        FreeholdError: FH-E314 that cannot be learned; FH-E315 the asset has no contract, or one that a file shares in a
            form that is not edited here.
    """
    found = estate.contract_of(asset)
    if found is None:
        problem = f"`{asset}` has no contract that could promise when it comes."
        fix = "Write one: `freehold schema DataContract`."
        raise FreeholdError("FH-E315", problem, fix=fix, exit_code=Exit.USAGE)
    contract = found[0]
    was = contract.custom.get(ARRIVES) or {}
    calendar = estate.calendars.get(str(was.get("calendar") or estate.defaults.get("calendar", "")))
    zone = ZoneInfo(str(was.get("timezone") or estate.defaults.get("timezone", "UTC")))
    learned = learn(asset, arrivals_of(ledger, env, asset), zone, days_of(calendar))
    before = (estate.root / contract.where.path).read_text(encoding="utf-8")
    return Proposal(asset, contract.where.path, before, promised(before, contract, learned), learned)


def promised(text: str, contract: Contract, learned: Learned) -> str:
    """Return the text of a file whose contract promises what was learned.

    Raises:
        FreeholdError: FH-E315 it cannot be edited without touching something else; what to write is in the error.
    """
    was = contract.custom.get(ARRIVES) or {}
    kept = {key: was[key] for key in ("except", "timezone", "calendar") if key in was}  # nothing speaks against it
    wanted: dict[str, dict[str, Any]] = {
        "slaProperties": {"property": BY, "value": f"{learned.at:%H:%M}"},
        "customProperties": {"property": ARRIVES, "value": {**kept, **learned.arrives}},
    }
    after = text
    for section, entry in wanted.items():
        document = _document(after, contract)
        said = document.value.get(section) or ()
        place = next((n for n, one in enumerate(said) if one.get("property") == entry["property"]), None)
        after = with_entry(after, document, (section,), entry, place)
    told = _document(after, contract).value
    for section, entry in wanted.items():
        if not any(entry.items() <= one.items() for one in told.get(section) or ()):
            raise FreeholdError(
                "FH-E315", f"`{section}` of {contract.id} cannot be edited as it is written.", where=contract.where,
                fix=f"Write there: {inline(entry)}",
            )  # fmt: skip
    return after


def _document(text: str, contract: Contract) -> Document:
    documents = documents_of(text.encode(), contract.where.path)
    return next(d for d in documents if isinstance(d.value, Mapping) and d.value.get("id") == contract.id)
