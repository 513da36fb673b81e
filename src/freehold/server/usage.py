"""Who asked what through the server, noted as the evidence that adoption is counted from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from freehold.metrics.recording import kept_question, used
from freehold.server.noting import Notes

if TYPE_CHECKING:
    from freehold.foundation import Clock
    from freehold.ledger import Ledger
    from freehold.metrics import Answer
    from freehold.server.identity import Who
    from freehold.server.telemetry import Telemetry


class Usage:
    """Takes note of answers. Safe to use from many threads."""

    def __init__(self, ledger: Ledger, clock: Clock, telemetry: Telemetry) -> None:
        self._ledger = ledger
        self._clock = clock
        self._notes = Notes(ledger, "usage.query", telemetry)

    def answered(self, answer: Answer, question: Mapping[str, Any], who: Who, *, env: str, channel: str) -> Answer:
        """Keep a question that was answered and count it; return the answer with the id that explains it later."""
        caller = who.caller("query")
        kept = kept_question(self._ledger, answer, question, caller, env=env)
        self.seen(kept, who, env=env, channel=channel)
        return kept

    def seen(self, answer: Answer, who: Who, *, env: str, channel: str) -> None:
        """Count an answer that was shown."""
        kind = "agent" if channel == "mcp" else ""
        caller = who.caller("query")
        self._notes.take(used(answer, caller, env=env, channel=channel, consumer_type=kind, at=self._clock.now()))

    def flush(self) -> None:
        """Write down what was noted: see `Notes.flush`."""
        self._notes.flush()

    def close(self) -> None:
        """Write down the rest."""
        self._notes.close()
