"""Deliveries whose columns are not those that their contract promises: what is missing, what came instead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.delivery.files import FileVersion, header_of

if TYPE_CHECKING:
    from datetime import datetime

    from freehold.delivery.asset import Asset
    from freehold.ledger import Ledger

CODE = "FH-D303"  # with which a file is refused for its columns


@dataclass(frozen=True, slots=True)
class Strayed:
    """How the columns of a delivery differ from those of its contract; each in the order of whoever names it.

    `announced` says whether somebody gave notice of it before it came.
    """

    source: str
    contract: str
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    announced: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as an event holds it."""
        return {
            "source": self.source,
            "contract": self.contract,
            "diff": {"missing": list(self.missing), "extra": list(self.extra)},
            "breaking": True,
            "announced": self.announced,
        }


def strayed(root: Path, asset: Asset, version: FileVersion, ledger: Ledger, now: datetime) -> Strayed | None:
    """Return how a file that was refused for its columns strayed from its contract; None where no contract has any."""
    if asset.files is None or asset.schema is None or asset.contract is None:
        return None
    header = header_of(root / asset.files.held / version.path, version.path, asset.files)
    promised = [p.column for p in asset.schema.columns]
    return Strayed(
        source=version.path,
        contract=asset.contract.id,
        missing=tuple(name for name in promised if name not in header),
        extra=tuple(name for name in header if name not in promised),
        announced=was_announced(ledger, asset.id, now),
    )


def was_announced(ledger: Ledger, asset: str, now: datetime) -> bool:
    """Whether a notice about an asset was sent that is in force by now."""
    for event in ledger.read(types=("notice.sent",)):
        said = event.data
        effective = str(said.get("effective_at") or "")
        if said.get("topic") == asset and effective[:10] <= now.date().isoformat():
            return True
    return False
