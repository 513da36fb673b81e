"""What is not ours is never overwritten: it is named, or, where somebody says so, moved aside with all it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from shop import MODELS, URL_FILE, Shop, days, ordinary_day, shop, write_day

from freehold.delivery.applying import publish_change
from freehold.delivery.ownership import takings
from freehold.engines import Session
from freehold.foundation import FreeholdError

READER = "taking_over_reader"


@contextmanager
def asking(live: Shop) -> Iterator[Session]:
    """A session of whoever was in the warehouse before us."""
    session = live.engine.session(live.delivery.caller, {})
    try:
        yield session
    finally:
        session.close()


def _run(live: Shop, *statements: str) -> None:
    with asking(live) as session:
        for statement in statements:
            session.run(statement)


def _is_postgres(live: Shop) -> bool:
    return (live.root / URL_FILE).exists()


def _rights(live: Shop, name: str) -> set[str]:
    with asking(live) as session:
        relation = next(r for r in session.relations("shop_orders") if r.name == name)
        return {str(right) for right in session.rights(relation)}


def _apply(live: Shop, **more: Any) -> Any:
    (live.root / "estate.yaml").write_text("# files are kept as they are\n")
    delivery = live.with_estate(shop(live.root))
    return publish_change(delivery, list(delivery.graph.assets), "c-1", **more)


@pytest.fixture
def theirs(opened: Shop) -> Shop:
    """A warehouse in which somebody keeps a table and a view where the shop is to publish."""
    for index, on in enumerate(days(2)):
        write_day(opened.root, on, ordinary_day(index))
    _run(
        opened,
        "CREATE SCHEMA shop_orders",
        "CREATE TABLE shop_orders.lines (old integer)",
        "INSERT INTO shop_orders.lines VALUES (7)",
        "CREATE VIEW shop_orders.daily AS SELECT 8 AS old",
    )
    if _is_postgres(opened):
        with suppress(FreeholdError):  # roles are of the server, which tests share
            _run(opened, f"CREATE ROLE {READER}")
        _run(
            opened,
            f"GRANT SELECT ON shop_orders.lines TO {READER} WITH GRANT OPTION",
            f"GRANT INSERT, TRUNCATE ON shop_orders.lines TO {READER}",
            "CREATE VIEW public.on_it AS SELECT * FROM shop_orders.lines",
        )
    return opened


def test_what_is_not_ours_is_refused_before_anything_is_built(theirs: Shop) -> None:
    """The relations are named with what they are; nothing was published or built, and they are as they were."""
    with pytest.raises(FreeholdError) as caught:
        theirs.delivery.run()
    assert caught.value.code == "FH-D223"
    assert "shop_orders.lines (a table)" in caught.value.problem
    assert "shop_orders.daily (a view)" in caught.value.problem
    assert "--take-over" in caught.value.fix
    assert theirs.rows("SELECT * FROM shop_orders.lines") == [(7,)]
    assert theirs.rows("SELECT * FROM shop_orders.daily") == [(8,)]
    assert theirs.rows("SELECT count(*) FROM freehold.candidate") == [(0,)]


def test_with_consent_it_is_moved_aside_with_its_rows(theirs: Shop) -> None:
    """Nothing is dropped; the view of the asset stands in its place, and the next run is like any other."""
    outcome = _apply(theirs, take_over=True)
    assert outcome.exit_code == 0
    assert theirs.rows("SELECT * FROM shop_orders.lines__before") == [(7,)]
    assert theirs.rows("SELECT * FROM shop_orders.daily__before") == [(8,)]
    assert theirs.rows("SELECT count(*) FROM shop_orders.lines") == [(6,)]
    assert theirs.with_estate(shop(theirs.root)).run().nothing_to_do


def test_a_name_that_is_taken_is_not_moved_to(theirs: Shop) -> None:
    """A second thing moved aside does not take the place of the first."""
    _run(theirs, "CREATE TABLE shop_orders.lines__before (older integer)")
    _apply(theirs, take_over=True)
    assert theirs.rows("SELECT * FROM shop_orders.lines__before_2") == [(7,)]
    assert theirs.rows("SELECT count(*) FROM shop_orders.lines__before") == [(0,)]


def test_rights_go_with_the_name_in_the_same_transaction(theirs: Shop) -> None:
    """On PostgreSQL whoever read the table reads the view; what no view can give is left out. DuckDB has none."""
    _apply(theirs, take_over=True)
    if _is_postgres(theirs):
        assert _rights(theirs, "lines") == {f"INSERT to {READER}", f"SELECT to {READER}"}
        assert f"TRUNCATE to {READER}" in _rights(theirs, "lines__before")
        assert theirs.rows("SELECT * FROM public.on_it") == [(7,)]
    else:
        assert _rights(theirs, "lines") == set()
        assert not theirs.engine.capabilities.has_rights


def test_rights_on_a_view_outlive_every_swap(live: Shop) -> None:
    """Whether a view is replaced in place or made anew for other columns, rights on it and on its columns stay."""
    if not _is_postgres(live):
        assert not live.engine.capabilities.has_rights
        return
    with suppress(FreeholdError):
        _run(live, f"CREATE ROLE {READER}")
    _run(
        live,
        f"GRANT SELECT ON shop_orders.totals TO {READER}",
        f"GRANT SELECT (sku, revenue) ON shop_orders.totals TO {READER}",
        f"GRANT SELECT (quantity) ON shop_orders.totals TO {READER}",
    )
    kept = {f"SELECT to {READER}", f"SELECT (sku) to {READER}", f"SELECT (revenue) to {READER}"}
    write_day(live.root, days(6)[-1], ordinary_day(5))
    live.delivery.run()
    assert _rights(live, "totals") == kept | {f"SELECT (quantity) to {READER}"}
    fewer = "select sku, sum(amount) as revenue from {{ ref('lines') }} group by sku"
    (live.root / "estate.yaml").write_text("# files are kept as they are\n")
    delivery = live.with_estate(shop(live.root, MODELS | {"totals": fewer}))
    assert not publish_change(delivery, ["shop.orders.totals"], "c-1").is_refused
    assert _rights(live, "totals") == kept


def test_what_would_be_done_is_told_before_it_is(theirs: Shop) -> None:
    """Every relation with what becomes of it, its rights, what stands on it, and the statements."""
    delivery = theirs.with_estate(shop(theirs.root))
    wanted = {a.id: a.relation for a in delivery.graph.assets.values()}
    with asking(theirs) as session:
        found = {t.asset: t for t in takings(session, "prod", wanted)}
    lines, totals = found["shop.orders.lines"], found["shop.orders.totals"]
    assert (lines.what, lines.was, lines.aside) == ("take over", "table", "lines__before")
    assert (found["shop.orders.daily"].what, found["shop.orders.daily"].was) == ("take over", "view")
    assert (totals.what, totals.rights) == ("create", ())
    assert any("RENAME TO" in statement for statement in lines.statements)
    if _is_postgres(theirs):
        assert f"SELECT to {READER}" in {str(r) for r in lines.rights}
        assert any(READER in statement for statement in lines.statements)
        assert any("on_it" in name for name in lines.standing)
    _apply(theirs, take_over=True)
    with asking(theirs) as session:
        again = takings(session, "prod", wanted)
    assert {t.what for t in again} == {"replace"}


def test_a_refused_run_puts_nothing_in_force(theirs: Shop) -> None:
    """The estate of a run that may not publish is not in force, and consent given afterwards publishes it."""
    with pytest.raises(FreeholdError):
        theirs.delivery.run()
    assert not list(theirs.ledger.read(types=("estate.applied",)))


def test_consent_publishes_what_is_not_live_yet_though_nothing_changes(theirs: Shop) -> None:
    """Where the estate is in force already and was refused, consent alone is enough."""
    delivery = theirs.with_estate(shop(theirs.root))
    (theirs.root / "estate.yaml").write_text("# files are kept as they are\n")
    outcome = publish_change(delivery, (), "c-1", take_over=True)
    assert outcome.deployments
    assert theirs.rows("SELECT * FROM shop_orders.lines__before") == [(7,)]
