"""Suspects: what each factor says, and that no path means never named."""

from __future__ import annotations

import pathlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.delivery.lineage import Field
from freehold.foundation import SimulatedClock
from freehold.ledger import Event, Ledger
from freehold.reliability.incidents.changes import happened
from freehold.reliability.incidents.paths import Path, Paths
from freehold.reliability.incidents.priors import Priors
from freehold.reliability.incidents.suspects import Change, ChangeKind, Observed, Symptom, suspects
from freehold.reliability.signals import SignalKind

NOW = datetime(2024, 3, 4, 6, tzinfo=UTC)
PATHS = Paths(
    {"raw": (), "lines": ("raw",), "daily": ("lines",), "other": ()},
    into={
        Field("raw", "price"): (Field("lines", "amount"),),
        Field("raw", "note"): (Field("lines", "note"),),
        Field("lines", "amount"): (Field("daily", "revenue"),),
    },
    decides={Field("raw", "state"): ("lines",)},
    columns={"raw": ("price", "note", "state"), "lines": ("amount", "note"), "daily": ("revenue",), "other": ("x",)},
)
SYMPTOM = Symptom("daily", SignalKind.CHECK, NOW, ("revenue",))
CODE = Change("one", ChangeKind.CODE, ("lines",), NOW - timedelta(hours=10), "a model changed")


def ranked(*changes: Change, symptom: Symptom = SYMPTOM, observed: Observed | None = None) -> list[str]:
    """Return the ids of suspects, the most likely first."""
    return [one.change.id for one in suspects(symptom, changes, PATHS, Priors(), observed=observed)]


@pytest.mark.parametrize(
    ("source", "columns", "target", "column", "path"),
    [
        pytest.param("raw", ("price",), "daily", "revenue", Path.COLUMN, id="a column goes into it"),
        pytest.param("raw", ("note",), "daily", "revenue", Path.NONE, id="another column does not"),
        pytest.param("raw", ("state",), "daily", "revenue", Path.COLUMN, id="what decides its rows goes into all"),
        pytest.param("raw", (), "daily", "revenue", Path.TABLE, id="which columns is not known"),
        pytest.param("other", (), "daily", "revenue", Path.NONE, id="an asset that it is not built from"),
        pytest.param("daily", (), "lines", "", Path.NONE, id="what is below is no cause"),
        pytest.param("lines", ("note",), "lines", "note", Path.COLUMN, id="itself"),
        pytest.param("lines", ("note",), "lines", "amount", Path.NONE, id="itself in another column"),
    ],
)
def test_paths(source: str, columns: tuple[str, ...], target: str, column: str, path: Path) -> None:
    """A path is by columns, where they are known; by assets, where they are not; or there is none."""
    assert PATHS.path(source, columns, target, column) is path


def test_columns_that_nobody_knows_lead_on_as_assets() -> None:
    """Where one asset on the way lists no columns, that a column goes nowhere is not known."""
    unread = replace(PATHS, columns={**PATHS.columns, "lines": ()}, into={})
    known = {name: columns for name, columns in unread.columns.items() if name != "lines"}
    assert replace(unread, columns=known).path("raw", ("note",), "daily", "revenue") is Path.TABLE


def test_no_path_is_never_named_however_near_in_time() -> None:
    """What happened a minute before, at an asset or in a column that leads nowhere, is no suspect."""
    near = NOW - timedelta(minutes=1)
    elsewhere = replace(CODE, id="elsewhere", assets=("other",), at=near)
    in_notes = Change("notes", ChangeKind.SCHEMA, ("raw",), near, "other columns", columns=("note",))
    assert ranked(elsewhere, in_notes, CODE) == ["one"]


def test_what_happened_after_or_long_before_is_none() -> None:
    """Nothing is caused by what comes later, nor looked for beyond two weeks."""
    later, long_ago = replace(CODE, at=NOW + timedelta(hours=1)), replace(CODE, at=NOW - timedelta(days=15))
    assert ranked(later, long_ago) == []


@pytest.mark.parametrize(
    ("better", "worse", "observed"),
    [
        pytest.param(
            CODE, replace(CODE, id="two", at=NOW - timedelta(days=4)), None, id="the one nearer in time comes first"
        ),
        pytest.param(
            CODE, replace(CODE, id="two", kind=ChangeKind.ACCESS), None, id="the kind that does such wrong more often"
        ),
        pytest.param(
            replace(CODE, kind=ChangeKind.SCHEMA, assets=("raw",), columns=("price",)),
            replace(CODE, id="two", kind=ChangeKind.SCHEMA, assets=("raw",)), None,
            id="the one whose column leads there",
        ),
        pytest.param(
            replace(CODE, assets=("raw",)), replace(CODE, id="two"),
            Observed({"raw": 9.0, "lines": 9.0, "daily": 9.0}, {"raw", "lines", "daily"}),
            id="the one at which what is off began",
        ),
        pytest.param(
            CODE, replace(CODE, id="two", assets=("raw",)),
            Observed({"lines": 9.0, "daily": 9.0}, {"raw", "lines", "daily"}),
            id="the one at what is off, not above it where all is as usual",
        ),
        pytest.param(
            replace(CODE, at=NOW - timedelta(hours=20)), replace(CODE, id="two", at=NOW - timedelta(hours=30)),
            Observed(built={"lines": [NOW - timedelta(hours=25), NOW - timedelta(minutes=30)]}),
            id="the one that first showed now, not the one that showed yesterday",
        ),
    ],
)  # fmt: skip
def test_what_is_more_likely(better: Change, worse: Change, observed: Observed | None) -> None:
    """Of two changes that differ in one thing, the more likely one is named first, whichever is given first."""
    assert ranked(worse, better, observed=observed) == [better.id, worse.id]
    assert ranked(better, worse, observed=observed) == [better.id, worse.id]


def test_every_factor_is_shown_and_the_score_is_their_product() -> None:
    """Nothing else counts than what is shown."""
    (one,) = suspects(SYMPTOM, [CODE], PATHS, Priors())
    said = one.to_json()["factors"]
    assert set(said) == {"grounded", "prior", "recency", "onset", "overlap", "score"}
    product = said["grounded"] * said["prior"] * said["recency"] * said["onset"] * said["overlap"]
    assert said["score"] == pytest.approx(product, rel=1e-3)


def test_causes_that_were_told_make_their_kind_more_likely() -> None:
    """A closed incident whose cause somebody confirmed counts, for that kind of wrong alone."""
    told = Priors.of([(ChangeKind.ACCESS, SignalKind.CHECK)] * 30)
    before, after = Priors()(ChangeKind.ACCESS, SignalKind.CHECK), told(ChangeKind.ACCESS, SignalKind.CHECK)
    assert before < 0.1 < 0.5 < after
    assert told(ChangeKind.ACCESS, SignalKind.RUN) == Priors()(ChangeKind.ACCESS, SignalKind.RUN)


@given(st.lists(st.sampled_from(SignalKind)), st.lists(st.sampled_from(ChangeKind)))
def test_priors_are_shares(symptoms: list[SignalKind], changes: list[ChangeKind]) -> None:
    """Whatever was told, the shares of all kinds of change of one kind of wrong are 1 together, and none is nothing."""
    priors = Priors.of(zip(changes, symptoms, strict=False))
    for symptom in SignalKind:
        shares = [priors(change, symptom) for change in ChangeKind]
        assert sum(shares) == pytest.approx(1)
        assert min(shares) > 0


def test_what_is_measured_long_after_tells_nothing_of_when_it_began(tmp_path: pathlib.Path) -> None:
    """What stands for long is judged by what was known about its beginning, however much comes since."""
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=SimulatedClock(NOW + timedelta(days=60))) as ledger:
        for asset, days in (("raw", 0.5), ("lines", 40.0)):
            said = {"asset": asset, "batch": "1", "rows": 10, "columns": {}}
            at = NOW + timedelta(days=days)
            ledger.append(Event("profile.observed", said, occurred_at=at, env="prod", subject=asset))
        found = happened(ledger, "prod", ["raw", "lines"], [], NOW, ["raw"], timedelta(days=1))

    assert found.measured == {"raw"}
