"""The seal: nothing that was recorded can change, go, come or move without being named."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from happenings import START, check
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from places import Place, PostgresPlace, SQLitePlace, on_sqlite

from freehold.foundation import FreeholdError, SimulatedClock
from freehold.ledger import Event, Ledger, Verification
from freehold.ledger import seal as sealing
from live_postgres import LivePostgres

EVENTS, EACH = 37, 10  # the last block is not full


@dataclass(frozen=True)
class Sealed:
    """A sealed ledger, and how to copy it."""

    place: Place
    postgres: LivePostgres | None

    @contextmanager
    def copied(self) -> Iterator[Place]:
        """A copy of it, gone afterwards."""
        with tempfile.TemporaryDirectory() as made:
            root = Path(shutil.copytree(self.place.root, Path(made) / "ledger"))
            if self.postgres is None:
                yield SQLitePlace(root)
            else:
                url = self.postgres.fresh(like=self.place.url)
                yield PostgresPlace(root, url)
                self.postgres.drop(url)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def sealed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    """A sealed ledger of 37 events in four blocks, signed after 20 and at the end, and two side items."""
    folder = tmp_path_factory.mktemp("sealed")
    place: Place = SQLitePlace(folder)
    server: LivePostgres | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        place = PostgresPlace(folder, server.fresh())
    clock = SimulatedClock(START)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing, "MOST_EVENTS", EACH)
        patch.setattr(sealing, "MOST_SECONDS", 3600.0)  # blocks are cut by number here, however slow the machine
        with Ledger.open(place.url, root=folder, clock=clock) as ledger:
            sample = ledger.side.put("sample", [{"customer": "Größe ✓"}], subject="person:1")
            for number in range(EVENTS):
                clock.advance(timedelta(seconds=1))
                ledger.append(check(number, value=number / 7, reason="naïve ✓", sample=sample if number == 5 else None))
                if number == 19:
                    ledger.checkpoint()
            clock.advance(timedelta(hours=2))
            ledger.checkpoint()
        yield Sealed(place, server)


@contextmanager
def tampered(sealed: Sealed, *statements: tuple[str, tuple[object, ...]], also: str = "") -> Iterator[Verification]:
    """Verify a copy of a ledger in which somebody ran statements, and wrote `also` over the witness file."""
    with sealed.copied() as copy:
        copy.tell(*statements)
        if also:
            (copy.folder / "ledger.default.checkpoints.jsonl").write_text(also)
        with Ledger.open(copy.url, root=copy.root, clock=SimulatedClock(START + timedelta(days=1))) as ledger:
            yield ledger.verify()


def test_what_nobody_touched_verifies(sealed: Sealed) -> None:
    """And the answer says how much that was."""
    with tampered(sealed) as found:
        assert found.ok
        assert (found.events, found.blocks, found.unsealed, found.trusted) == (37, 4, 0, True)
        assert found.checkpoints >= 2


def test_the_answer_says_how_far_the_signatures_reach(tmp_path: Path) -> None:
    """Events after the last checkpoint hang on the chain alone, and whoever ends well signs its own."""
    clock = SimulatedClock(START)
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=clock) as ledger:
        assert ledger.sign_off() is None  # nothing was recorded, so there is nothing to sign
        ledger.append(check(0), check(1))
        signed = ledger.checkpoint()
        ledger.append(check(2))
        ledger.seal()
        part = ledger.verify()
        assert (part.events, part.signed, part.signed_at) == (3, 2, signed.signed_at)
        ledger.sign_off()
        assert ledger.verify().signed == 3


TEXTS = ("id", "type", "env", "actor", "assurance", "subject", "product", "run_id", "correlation_id", "data")
NUMBERS = ("schema_version", "occurred_at", "recorded_at", "replay")


@settings(max_examples=60, deadline=None)
@given(seq=st.integers(1, EVENTS), column=st.sampled_from(TEXTS), place=st.integers(0), bit=st.integers(0, 7))
def test_any_bit_flipped_in_any_text_of_any_event_is_found(
    sealed: Sealed, seq: int, column: str, place: int, bit: int
) -> None:
    """Even where the result is no UTF-8 at all; the verification names the event and its block."""
    ((text,),) = sealed.place.ask(f"SELECT {column} FROM ledger_event WHERE seq = ?", (seq,))
    assume(text)
    flipped = bytearray(text.encode())
    flipped[place % len(flipped)] ^= 1 << bit
    value: object = bytes(flipped)
    if sealed.postgres is not None:  # which stores no text that is not UTF-8, and no NUL
        assume(0 not in flipped)
        try:
            value = flipped.decode()
        except UnicodeDecodeError:
            assume(False)

    change = (f"UPDATE ledger_event SET {column} = CAST(? AS TEXT) WHERE seq = ?", (value, seq))
    with tampered(sealed, change) as found:
        assert found.broken is not None
        assert (found.broken.fault, found.broken.seq) == ("changed", seq)
        assert found.broken.block == (seq - 1) // EACH + 1


@settings(max_examples=30, deadline=None)
@given(seq=st.integers(1, EVENTS), column=st.sampled_from(NUMBERS), bit=st.integers(0, 40))
def test_any_bit_flipped_in_any_number_of_any_event_is_found(sealed: Sealed, seq: int, column: str, bit: int) -> None:
    """Times and versions are sealed like texts; `replay` is a yes or no, whatever number stands for yes."""
    flip = 1 if column == "replay" else 1 << bit
    change = f"UPDATE ledger_event SET {column} = ({column} | ?) - ({column} & ?) WHERE seq = ?"
    with tampered(sealed, (change, (flip, flip, seq))) as found:
        assert found.broken is not None
        assert (found.broken.fault, found.broken.seq) == ("changed", seq)


@settings(max_examples=20, deadline=None)
@given(seq=st.integers(1, EVENTS))
def test_a_removed_event_is_named(sealed: Sealed, seq: int) -> None:
    """By its number and block."""
    with tampered(sealed, ("DELETE FROM ledger_event WHERE seq = ?", (seq,))) as found:
        assert found.broken is not None
        assert (found.broken.fault, found.broken.seq, found.broken.block) == ("removed", seq, (seq - 1) // EACH + 1)


def _close_gap(seq: int) -> list[tuple[str, tuple[object, ...]]]:
    """Remove an event and move the later ones up, one by one, so that no number is missing."""
    moves = [("UPDATE ledger_event SET seq = ? WHERE seq = ?", (s - 1, s)) for s in range(seq + 1, EVENTS + 1)]
    return [("DELETE FROM ledger_event WHERE seq = ?", (seq,)), *moves]


def test_a_removed_event_is_named_though_the_others_closed_up(sealed: Sealed) -> None:
    """Numbers are part of the seal."""
    with tampered(sealed, *_close_gap(13)) as found:
        assert found.broken is not None
        assert (found.broken.fault, found.broken.seq, found.broken.block) == ("removed", 13, 2)


def test_an_inserted_event_is_named(sealed: Sealed) -> None:
    """Put between two others, which were moved down for it."""
    moves = [("UPDATE ledger_event SET seq = ? WHERE seq = ?", (s + 1, s)) for s in range(EVENTS, 12, -1)]
    copied = "INSERT INTO ledger_event SELECT * FROM ledger_event WHERE seq = 5"
    forged = copied.replace("*", "workspace, 13, 'forged', " + ", ".join([*_COLUMNS[3:]]))
    with tampered(sealed, *moves, (forged, ())) as found:
        assert found.broken is not None
        assert (found.broken.fault, found.broken.seq, found.broken.block) == ("inserted", 13, 2)


_COLUMNS = (
    *("workspace", "seq", "id", "type", "schema_version", "occurred_at", "recorded_at", "env", "actor", "assurance"),
    *("subject", "product", "run_id", "correlation_id", "replay", "data"),
)


@pytest.mark.parametrize("seq", [0, -3, EVENTS + 1, EVENTS + 100])
def test_an_event_put_outside_the_chain_is_named(sealed: Sealed, seq: int) -> None:
    """Before its first number or after its last."""
    columns = ", ".join(_COLUMNS[3:])
    forged = f"INSERT INTO ledger_event SELECT workspace, ?, 'forged', {columns} FROM ledger_event WHERE seq = 5"
    with tampered(sealed, (forged, (seq,))) as found:
        assert found.broken is not None
        assert (found.broken.fault, found.broken.seq) == ("inserted", seq)


@settings(max_examples=20, deadline=None)
@given(one=st.integers(11, 20), other=st.integers(11, 20))
def test_two_events_that_changed_places_are_named(sealed: Sealed, one: int, other: int) -> None:
    """The first of the two."""
    assume(one != other)
    swap = [(one, -1), (other, one), (-1, other)]
    moves = [("UPDATE ledger_event SET seq = ? WHERE seq = ?", (to, at)) for at, to in swap]
    with tampered(sealed, *moves) as found:
        assert found.broken is not None
        assert (found.broken.fault, found.broken.seq, found.broken.block) == ("reordered", min(one, other), 2)


CUT_EVENTS = ("DELETE FROM ledger_event WHERE seq > 30", ())
CUT_BLOCKS = ("DELETE FROM ledger_block WHERE block > 3", ())
CUT_HEAD = (
    "UPDATE ledger_head SET seq = 30, sealed_seq = 30, block = 3,"
    " block_hash = (SELECT hash FROM ledger_block WHERE block = 3)",
    (),
)
CUT_CHECKPOINTS = ("DELETE FROM ledger_checkpoint WHERE block > 3", ())


@pytest.mark.parametrize(
    ("cuts", "fault"),
    [
        pytest.param([CUT_EVENTS], "removed", id="the events"),
        pytest.param([CUT_EVENTS, CUT_BLOCKS], "cut", id="and their block"),
        pytest.param([CUT_EVENTS, CUT_BLOCKS, CUT_HEAD], "cut", id="and the end of the chain, so a checkpoint tells"),
        pytest.param(
            [CUT_EVENTS, CUT_BLOCKS, CUT_HEAD, CUT_CHECKPOINTS], "cut", id="and the checkpoints, so the witness tells"
        ),
    ],
)
def test_a_tail_that_was_cut_off_is_found(
    sealed: Sealed, cuts: list[tuple[str, tuple[object, ...]]], fault: str
) -> None:
    """However clean the cut, the fourth block is named as the first that is missing."""
    with tampered(sealed, *cuts) as found:
        assert found.broken is not None
        assert (found.broken.fault, found.broken.block) == (fault, 4)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("UPDATE ledger_block SET hash = upper(hash) WHERE block = 2", id="its hash"),
        pytest.param("UPDATE ledger_block SET previous = upper(previous) WHERE block = 2", id="the hash before it"),
        pytest.param("UPDATE ledger_block SET sealed_at = sealed_at + 1 WHERE block = 2", id="its time"),
        pytest.param("UPDATE ledger_block SET leaves = ? WHERE block = 2", id="its leaves"),
        pytest.param("UPDATE ledger_block SET last_seq = 19 WHERE block = 2", id="its bounds"),
        pytest.param("DELETE FROM ledger_block WHERE block = 2", id="all of it"),
    ],
)
def test_a_block_that_was_changed_is_named(sealed: Sealed, change: str) -> None:
    """The seal seals itself."""
    with tampered(sealed, (change, (b"\0",) if "?" in change else ())) as found:
        assert found.broken is not None
        assert found.broken.block == 2


def test_a_history_written_anew_does_not_fit_the_signatures(sealed: Sealed) -> None:
    """Whoever hashes everything again after a change has not got the key."""
    listed = ", ".join(_COLUMNS)
    found_rows = sealed.place.ask(f"SELECT {listed} FROM ledger_event ORDER BY seq")
    rows = [dict(zip(_COLUMNS, row, strict=True)) for row in found_rows]
    bounds = ("workspace", "block", "first_seq", "last_seq", "sealed_at")
    found_seals = sealed.place.ask(f"SELECT {', '.join(bounds)} FROM ledger_block ORDER BY block")
    seals = [dict(zip(bounds, seal, strict=True)) for seal in found_seals]
    rows[4]["data"] = rows[4]["data"].replace("pass", "fail")
    statements: list[tuple[str, tuple[object, ...]]] = [
        ("UPDATE ledger_event SET data = ? WHERE seq = 5", (rows[4]["data"],))
    ]
    previous = "0" * 64
    for seal in seals:
        own = [tuple(r.values()) for r in rows if seal["first_seq"] <= r["seq"] <= seal["last_seq"]]
        leaves = b"".join(sealing.leaf(row) for row in own)
        given = [seal[name] for name in bounds]
        hash_ = sealing.block_hash(*given, previous, leaves)
        change = "UPDATE ledger_block SET leaves = ?, previous = ?, hash = ? WHERE block = ?"
        statements.append((change, (leaves, previous, hash_, seal["block"])))
        previous = hash_
    statements.append(("UPDATE ledger_head SET block_hash = ?", (previous,)))

    with tampered(sealed, *statements) as found:
        assert found.broken is not None
        assert (found.broken.fault, found.broken.block) == ("chain", 1)
        assert "checkpoint" in found.broken.problem


@pytest.mark.parametrize("column", ["hash", "signature", "public_key"])
def test_a_checkpoint_that_was_changed_is_found(sealed: Sealed, column: str) -> None:
    """Its statement, its signature, and whose it is."""
    change = f"UPDATE ledger_checkpoint SET {column} = replace({column}, substr({column}, 9, 1), '0') WHERE block = 2"
    ((value,),) = sealed.place.ask(f"SELECT {column} FROM ledger_checkpoint WHERE block = 2")
    if value[8] == "0":
        change = change.replace("'0'", "'1'")
    with tampered(sealed, (change, ())) as found:
        assert found.broken is not None
        assert found.broken.fault == "signature"


def test_a_checkpoint_of_another_key_is_not_believed(sealed: Sealed, tmp_path: Path) -> None:
    """A genuine signature of somebody else proves nothing."""
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=SimulatedClock(START)) as other:
        other.append(check(1))
        foreign = json.dumps(other.checkpoint().to_json())
    with tampered(sealed, also=foreign) as found:
        assert found.broken is not None
        assert found.broken.fault == "signature"
        assert "another key" in found.broken.problem


def test_a_witness_file_that_is_damaged_says_where(sealed: Sealed) -> None:
    """It is evidence too, and not silently passed over."""
    with pytest.raises(FreeholdError, match="Line 1 of"), tampered(sealed, also="{"):
        pass


def test_erasing_a_person_leaves_every_seal_valid(ledger: Ledger) -> None:
    """What was said about them is gone, that it was is sealed, and the erasure is on record."""
    item = ledger.side.put("sample", [{"customer": "17850"}], subject="person:1")
    other = ledger.side.put("sample", [{"customer": "12347"}], subject="person:2")
    ledger.append(check(1, sample=item), check(2, sample=other))
    ledger.checkpoint()

    assert ledger.side.erase_subject("person:1", reason="their request") == 1

    assert ledger.side.get(item) is None
    assert ledger.side.get(other) is not None
    assert ledger.verify().ok
    (erased,) = ledger.read(types="side.erased")
    assert erased.data == {"items": [item], "kind": "sample", "reason": "their request"}


@on_sqlite
def test_what_was_erased_is_in_no_file_of_the_state(ledger: Ledger, tmp_path: Path) -> None:
    """Neither in the database nor in its write-ahead log."""
    item = ledger.side.put("note", "the-secret-of-customer-17850", subject="person:1")
    assert any(b"the-secret" in path.read_bytes() for path in tmp_path.glob("state.db*"))

    ledger.side.erase(item)

    assert [path.name for path in tmp_path.glob("state.db*") if b"the-secret" in path.read_bytes()] == []


def test_a_raw_segment_that_was_changed_or_lost_is_found(ledger: Ledger, place: Place) -> None:
    """The chain holds its hash."""
    used = [Event("usage.query", {"consumer": f"c{n}", "product": "sales.orders"}) for n in range(3)]
    seq = ledger.raw.append("usage.query", used)
    assert ledger.verify().segments == 1
    (path,) = place.folder.rglob("usage.query/*.parquet")

    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    changed = ledger.verify().broken
    path.unlink()
    lost = ledger.verify().broken

    assert changed is not None
    assert lost is not None
    assert (changed.fault, changed.seq, lost.fault, lost.seq) == ("segment", seq, "segment", seq)


def test_an_event_removed_before_it_was_sealed_is_found(ledger: Ledger, place: Place) -> None:
    """Its number is missing from then on, sealed or not."""
    ledger.append(check(1), check(2), check(3))
    place.tell(("DELETE FROM ledger_event WHERE seq = 2", ()))

    before = ledger.verify().broken
    ledger.append(check(4))
    ledger.seal()
    after = ledger.verify().broken

    assert before is not None
    assert (before.fault, before.block) == ("cut", 1)
    assert after is not None
    assert (after.fault, after.block, after.seq) == ("removed", 1, 2)  # sealed as it was appended, not as it was found


def test_an_event_slipped_in_past_the_ledger_stops_it(ledger: Ledger, place: Place) -> None:
    """The next append finds its place taken, writes nothing and says what to do; verify names the stranger."""
    ledger.append(check(1))
    columns = ", ".join(_COLUMNS[3:])
    forged = f"INSERT INTO ledger_event SELECT workspace, 2, 'forged', {columns} FROM ledger_event WHERE seq = 1"
    place.tell((forged, ()))

    with pytest.raises(FreeholdError, match="that no ledger put there") as refused:
        ledger.append(check(2), check(3))

    assert "audit verify" in refused.value.fix
    found = ledger.verify().broken
    assert found is not None
    assert (found.fault, found.seq) == ("inserted", 2)
    place.tell(("DELETE FROM ledger_event WHERE seq = 2", ()))
    assert ledger.append(check(2)) == (2,)


def test_events_wait_for_their_seal_and_the_answer_says_so(ledger: Ledger) -> None:
    """They are recorded, only not yet covered."""
    ledger.append(check(1))
    ledger.seal()
    ledger.append(check(2), check(3))

    found = ledger.verify()

    assert (found.events, found.unsealed, found.ok) == (1, 2, True)


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 25), min_size=1, max_size=8), seal_between=st.booleans())
def test_appending_then_verifying_always_passes(sizes: list[int], seal_between: bool) -> None:
    """However events come, each stands in exactly one block of at most the set size."""
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        Ledger.open("sqlite:///state.db", root=folder, clock=SimulatedClock(START)) as ledger,
    ):
        patch.setattr(sealing, "MOST_EVENTS", EACH)
        patch.setattr(sealing, "MOST_SECONDS", 3600.0)  # blocks are cut by number here, however slow the machine
        for size in sizes:
            ledger.append(*(check(n) for n in range(size)))
            if seal_between:
                ledger.seal()
        ledger.seal()
        found = ledger.verify()

    assert (found.ok, found.events, found.unsealed) == (True, sum(sizes), 0)
    assert found.blocks >= sum(sizes) / EACH


def test_the_key_is_its_owners_alone(ledger: Ledger, place: Place) -> None:
    """Mode 0600, made once; a key that others may read is refused."""
    ledger.append(check(1))
    ledger.checkpoint()
    key = place.folder / "ledger.key"
    assert key.stat().st_mode & 0o777 == 0o600

    key.chmod(0o644)

    with pytest.raises(FreeholdError, match="others may read it"):
        ledger.checkpoint()
    key.chmod(0o600)
