"""Accounts elsewhere: somebody's as soon as a team says so, and until then a name that means nothing."""

from __future__ import annotations

from freehold.catalog import Catalog
from freehold.connect.listing import listed
from freehold.connect.usage.accounts import unmatched_accounts
from used_shop import EXPORTS, Shop

READERS = "SELECT consumer, consumer_type, segment, sum(reads) FROM uses GROUP BY ALL ORDER BY 1"


def unmatched(shop: Shop) -> list[tuple[str, str, int]]:
    """Return the accounts of nobody: system, name, reads."""
    with shop.ledger.evidence() as evidence:
        return [(one.source, one.name, one.reads) for one in unmatched_accounts(shop.ledger, evidence, "prod")]


def test_an_account_that_is_named_later_was_theirs_from_the_beginning(shop: Shop) -> None:
    """What was read before counts as theirs once a team names them, with the team as segment; nothing is added."""
    shop.take(EXPORTS / "snowflake.csv", "snowflake")
    assert sorted(unmatched(shop)) == [("snowflake", "ANA", 2), ("snowflake", "BORIS", 1), ("snowflake", "LOADER", 1)]
    before = shop.rows("SELECT count(*) FROM usage_query")
    shop.name(snowflake={"ana": ["user:idp/ana"], "loader": ["service:nightly"]})

    told = shop.take(EXPORTS / "snowflake.csv", "snowflake")

    assert told.matched == ("ANA", "LOADER")
    assert told.recorded == 0
    assert shop.rows("SELECT count(*) FROM usage_query") == before
    assert [row for row in shop.rows(READERS) if not row[0].startswith("account:")] == [
        ("service:nightly", "service", "finance", 1), ("user:idp/ana", "person", "finance", 2),
    ]  # fmt: skip
    assert [name for _, name, _ in unmatched(shop)] == ["BORIS"]


def test_an_account_of_several_is_nobodys(shop: Shop) -> None:
    """Of two people nobody knows who it was; of a group and one of its people it is the person."""
    shop.name(snowflake={"ANA": ["group:idp/all", "user:idp/ana"], "LOADER": ["user:idp/ana", "user:idp/boris"]})

    shop.take(EXPORTS / "snowflake.csv", "snowflake")

    assert sorted(name for _, name, _ in unmatched(shop)) == ["BORIS", "LOADER"]


def test_a_name_can_be_erased_and_what_was_read_stays(shop: Shop) -> None:
    """Erasing an account leaves counts and the chain as they are, and nothing that tells its name."""
    shop.take(EXPORTS / "snowflake.csv", "snowflake")
    ((consumer,),) = shop.rows("SELECT consumer FROM usage_query WHERE status = 'error'")

    assert shop.ledger.side.erase_subject(consumer) == 1

    assert ("snowflake", "", 1) in unmatched(shop)
    assert shop.ledger.verify().ok


def test_the_catalog_counts_an_account_as_whose_it_is(shop: Shop) -> None:
    """Two accounts of one person are one reader as soon as a team says so; unknown accounts are not people."""
    from datetime import date

    from freehold.catalog import Key
    from freehold.estate import load_estate

    def people() -> int:
        catalog.update(listed(load_estate(shop.root, cache=False), "prod", "duckdb"), shop.ledger, env="prod")
        found = catalog.readers(date(2026, 11, 1))
        return found[Key("asset", "shop.orders.orders")].people

    shop.take(EXPORTS / "snowflake.csv", "snowflake")
    shop.take(EXPORTS / "bigquery.json", "bigquery")
    with Catalog(shop.root) as catalog:
        assert people() == 1  # ANA; whether the other account is a person nobody says, and errors are no use
        shop.name(snowflake={"ANA": ["user:idp/ana"]}, bigquery={"ana@example.com": ["user:idp/ana"]})
        shop.take(EXPORTS / "snowflake.csv", "snowflake")
        assert people() == 1
        assert shop.rows("SELECT count(DISTINCT consumer) FROM uses WHERE consumer = 'user:idp/ana'") == [(1,)]


def test_views_are_viewers_of_the_dashboard(shop: Shop) -> None:
    """Who looked at a dashboard stands in the catalog as its reader."""
    from datetime import date

    from freehold.catalog import Key
    from freehold.estate import load_estate

    shop.name(looker={"ana@example.com": ["user:idp/ana"]})
    shop.take(EXPORTS / "looker.csv", "looker")
    with Catalog(shop.root) as catalog:
        catalog.update(listed(load_estate(shop.root, cache=False), "prod", "duckdb"), shop.ledger, env="prod")
        assert catalog.readers(date(2026, 11, 1))[Key("dashboard", "weekly")].people == 1
