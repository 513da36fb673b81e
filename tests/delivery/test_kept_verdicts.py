"""The state of products, asked again and again: what was kept of an earlier answer never differs from a fresh one."""

from __future__ import annotations

import pytest
from shop import Shop, days, ordinary_day, write_day

from freehold.delivery.status import KeptVerdicts


def test_what_was_kept_says_what_would_be_read(opened: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """After runs, quarantine, judgement of what is live and a rollback; and nothing is read of what did not change."""
    delivery, verdicts = opened.delivery, KeptVerdicts()
    read: list[str] = []
    whole = delivery.ledger.read

    def noting(*given: object, **said: object) -> object:
        if said.get("subject"):
            read.append(str(said["subject"]))
        return whole(*given, **said)  # type: ignore[arg-type]

    def same() -> None:
        assert delivery.status(verdicts) == delivery.status()

    same()
    for index, on in enumerate(days(6)):
        write_day(opened.root, on, ordinary_day(index))
    delivery.run()
    same()
    write_day(opened.root, days(7)[6], [("a", "b1", 1, -5.0)])
    delivery.run()
    same()
    delivery.check()
    same()
    write_day(opened.root, days(7)[6], ordinary_day(6))
    delivery.run()
    same()
    delivery.rollback("shop.orders")
    same()

    monkeypatch.setattr(delivery.ledger, "read", noting)
    delivery.status(verdicts)
    assert read == []
