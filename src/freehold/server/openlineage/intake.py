"""Taking events of other tools: kept on disk before they are answered, sealed, drawn and recognised a moment later.

What is an event at all is taken; what in it is not as the standard has it is a warning that is kept beside it. An event
that comes again is answered as it was the first time, and not kept again, as long as it is among the last that came.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from freehold.catalog.openlineage.keeping import RAW
from freehold.catalog.openlineage.reading import Heard, NoEvent, clean, told
from freehold.foundation import Clock, FreeholdError
from freehold.ledger import Event, Ledger
from freehold.ledger.event import from_micros, micros
from freehold.ledger.journal import Journal

LARGEST = 900_000  # characters of one event
LARGEST_BATCH = 20_000_000  # bytes of a batch, unpacked
_REMEMBERED = 200_000  # events by which one that comes again is known
_SEALED_AT = 5_000  # events that wait for their segment
_SEALED_AFTER_S = 60.0  # that one waits at most
_SOON = 2_000  # events that whoever looks seals at once; more are sealed by the thread that does nothing else
_LOOKS_EVERY_S, _AGAIN_AFTER_S = 0.5, 5.0
_AT_ONCE, _THEN_EVERY_S = 30, 1.0  # how often events are sealed because somebody looks: each time writes a file


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of one event: `warnings`, or why it was refused."""

    warnings: tuple[str, ...] = ()
    refused: str = ""


class Intake:
    """Takes events of one estate. Safe to use from many threads; nothing is opened before the first event comes."""

    def __init__(
        self, ledger: Ledger, clock: Clock, sealed: Callable[[], None], failed: Callable[[Exception], None]
    ) -> None:
        """Take where events go.

        Args:
            ledger: where they are kept.
            clock: when they come.
            sealed: is called when some have become part of the ledger.
            failed: is told what keeps that from being done; it is tried again, and nothing is lost meanwhile.
        """
        self._ledger = ledger
        self._clock = clock
        self._sealed = sealed
        self._failed = failed
        self._turn = threading.Lock()
        self._looking = threading.Lock()
        self._over = threading.Event()
        self._journal: Journal | None = None
        self._keeper: threading.Thread | None = None
        self._known: OrderedDict[str, Future[None]] = OrderedDict()
        self._waits_since = 0.0
        self._is_wanted = False  # by somebody who looked
        self._may_seal, self._may_since = float(_AT_ONCE), time.monotonic()
        self.trouble = ""  # what kept events from being sealed and drawn the last time

    @property
    def unsealed(self) -> int:
        """How many events are kept and in no segment yet."""
        return self._journal.unsealed if self._journal is not None else 0

    def start(self) -> None:
        """Seal what a process that is gone has left, and follow what it did not, if anything ever came."""
        if self._ledger.raw.has_any(RAW):
            self._open()

    def take(self, body: bytes, sender: str) -> tuple[Taken, Future[None] | None]:
        """Take one event; the future is done when it is on disk, None where it is no event."""
        try:
            text = body.decode()
            said = json.loads(text)
        except (ValueError, RecursionError) as error:
            return Taken(refused=f"it is no JSON: {clean(str(error))[:200]}"), None
        found, futures = self._take([(text, said)], sender)
        return found[0], futures[0] if futures else None

    def take_batch(self, text: str, sender: str) -> tuple[list[Taken], list[Future[None]]]:
        """Take a list of events, each by itself.

        Raises:
            FreeholdError: FH-A130 it is no list.
        """
        try:
            return self._take(_parts(text), sender)
        except (ValueError, RecursionError) as error:
            raise FreeholdError(
                "FH-A130", f"The batch is no list in JSON: {clean(str(error))[:200]}.", fix="Send `[{…}, {…}]`."
            ) from error

    def settle(self) -> None:
        """Seal what is kept, where that is quick, so that whoever looks sees it.

        Where many look, or somebody is at it, they are shown what was sealed before: it is done within two seconds.
        """
        if self._journal is None or not 0 < self._journal.unsealed <= _SOON:
            return
        self._is_wanted = True
        if self._has_turn() and self._looking.acquire(blocking=False):
            try:
                self._seal_now()
            finally:
                self._looking.release()

    def _has_turn(self) -> bool:
        """Take one of the turns there are: so many at once, and one more each second."""
        with self._turn:
            now = time.monotonic()
            self._may_seal = min(_AT_ONCE, self._may_seal + (now - self._may_since) / _THEN_EVERY_S)
            self._may_since = now
            has_one = self._may_seal >= 1
            self._may_seal -= has_one
            return has_one

    def close(self) -> None:
        """Seal everything and let go."""
        self._over.set()
        if self._keeper is not None:
            self._keeper.join()
        if self._journal is not None:
            self._journal.close()

    def _take(self, each: Sequence[tuple[str, object]], sender: str) -> tuple[list[Taken], list[Future[None]]]:
        journal, now = self._open(), self._clock.now()
        found, fresh, futures = [], [], []
        for text, said in each:
            try:
                if len(text) > LARGEST:
                    raise NoEvent(f"it has {len(text):,} characters, and an event has {LARGEST:,} at most")
                digest = hashlib.sha256(text.encode()).hexdigest()
                heard = told(said, digest, micros(now))
            except NoEvent as refusal:
                found.append(Taken(refused=str(refusal)))
                continue
            found.append(Taken(heard.warnings))
            event = _event(heard, text, sender)
            with self._turn:
                known = self._known.get(event.id or "")
            if known is None:
                fresh.append(event)
            else:
                futures.append(known)
        if fresh:
            futures.append(self._keep(journal, fresh))
        return found, futures

    def _keep(self, journal: Journal, fresh: Sequence[Event]) -> Future[None]:
        done = journal.append(list({event.id: event for event in fresh}.values()))
        with self._turn:
            if not self._waits_since:
                self._waits_since = time.monotonic()
            for event in fresh:
                self._known[event.id or ""] = done
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        done.add_done_callback(lambda future: self._forget(fresh) if future.exception() else None)
        return done

    def _forget(self, events: Sequence[Event]) -> None:
        """Let events that could not be kept come again."""
        with self._turn:
            for event in events:
                self._known.pop(event.id or "", None)

    def _open(self) -> Journal:
        if self._journal is None:
            with self._turn:
                if self._journal is None:
                    self._known.update(dict.fromkeys(self._ledger.raw.newest_ids(RAW, _REMEMBERED), _kept()))
                    self._journal = self._ledger.raw.journal(RAW)
                    self._keeper = threading.Thread(target=self._keep_sealing, name="lineage", daemon=True)
                    self._keeper.start()
        return self._journal

    def _keep_sealing(self) -> None:
        """Seal and tell of it, now and then, until it is closed."""
        assert self._journal is not None, "the journal is open before its keeper starts"
        is_told = self._tried(self._sealed)  # what was sealed before, and nobody told
        while not self._over.wait(_LOOKS_EVERY_S if is_told else _AGAIN_AFTER_S):
            waits = time.monotonic() - self._waits_since if self._waits_since else 0.0
            is_wanted = self._is_wanted and self._has_turn()
            if (
                self._journal.unsealed >= _SEALED_AT
                or is_wanted
                or (self._journal.unsealed and waits > _SEALED_AFTER_S)
            ):
                is_told = self._tried(self._seal)
            elif not is_told:
                is_told = self._tried(self._sealed)

    def _tried(self, act: Callable[[], None]) -> bool:
        """Do what this thread is for; what keeps it from that is told, and ends nothing."""
        try:
            act()
        except Exception as error:  # told to the log and on the page; events stay where they are
            self.trouble = str(error)
            self._failed(error)
            return False
        self.trouble = ""
        return True

    def _seal(self) -> None:
        with self._looking:
            self._seal_now()

    def _seal_now(self) -> None:
        assert self._journal is not None, "there is something to seal"
        self._is_wanted = False
        if self._journal.unsealed:
            self._waits_since = 0.0
            self._journal.seal()
            self._sealed()


def _kept() -> Future[None]:
    done: Future[None] = Future()
    done.set_result(None)
    return done


def _event(heard: Heard, text: str, sender: str) -> Event:
    """Return the event that is kept: its id follows from what tells it from others, run, type, time and body."""
    name = f"{heard.run}|{heard.type}|{heard.at}|{heard.digest}"
    said = {
        "kind": heard.kind,
        "event_type": heard.type or None,
        "run_id": heard.run or None,
        "job_namespace": heard.job.namespace if heard.job else None,
        "job_name": heard.job.name if heard.job else None,
        "producer": heard.producer or None,
        "warnings": list(heard.warnings),
        "sender": sender,
        "digest": heard.digest,
        "body": text,
    }
    id_ = str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16]))
    return Event(RAW, said, id_, from_micros(heard.at))


def _parts(text: str) -> list[tuple[str, object]]:
    """Return the elements of a JSON list, each as it is written and as it is meant.

    Raises:
        ValueError: it is no list.
    """
    decoder, at = json.JSONDecoder(), _after_space(text, 0)
    if text[at : at + 1] != "[":
        raise ValueError("it does not begin with `[`")
    found: list[tuple[str, object]] = []
    at = _after_space(text, at + 1)
    while text[at : at + 1] != "]" or found:
        said, end = decoder.raw_decode(text, at)
        found.append((text[at:end], said))
        at = _after_space(text, end)
        if text[at : at + 1] == "]":
            break
        if text[at : at + 1] != ",":
            raise ValueError(f"`,` or `]` is missing at character {at:,}")
        at = _after_space(text, at + 1)
    if text[at + 1 :].strip():
        raise ValueError("something follows the list")
    return found


def _after_space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\n", "\r", "\t"):
        at += 1
    return at
