"""The staged search: what is found, in which order, and for which reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from listings import asset, entry, told

from freehold.catalog import Catalog, Key, Question, Stage
from freehold.catalog.asking import MOST
from freehold.catalog.entry import Alias
from freehold.foundation import FreeholdError

SHOP = (
    entry("product", "sales.orders", product="sales.orders", title="Orders", owner="sales-data", domain="sales"),
    asset(
        "sales.orders.lines", "order_id", "netAmount", "customer_id", owner="sales-data",
        description="One row for each article of an order.", aliases=[("T_0815", "physical name")],
    ),
    asset("sales.orders.OrderLines", "order_id", owner="sales-data", status="certified"),
    asset("sales.orders.order_lines_old", status="deprecated", replaced_by=Key("asset", "sales.orders.OrderLines")),
    asset("sales.orders.returns", "lines", "reason", owner="sales-data"),
    asset("finance.costs.cost_of_goods_sold", "amount", owner="finance"),
    asset("finance.costs.calendar", "day", description="Working days; see lines of the ledger."),
    entry(
        "metric", "shop.revenue", product="sales.orders", title="Net revenue", status="certified", owner="sales-data",
        description="Money from orders.", aliases=(Alias("Turnover", "synonym"),),
    ),
    entry("metric", "shop.revenue_old", product="sales.orders", status="deprecated"),
    entry("metric", "shop.revenue_draft", product="sales.orders", status="draft"),
    entry("team", "sales-data", owner="sales-data", tags=("user:ada",)),
)  # fmt: skip

TABLE = [
    pytest.param("lines", ["sales.orders.lines"], Stage.NAME, "its name", id="the exact name stands first"),
    pytest.param("sales.orders.lines", ["sales.orders.lines"], Stage.NAME, "its name", id="so does the whole id"),
    pytest.param("LINES", ["sales.orders.lines"], Stage.NAME, "its name", id="whatever its case"),
    pytest.param("order lines", ["sales.orders.OrderLines"], Stage.NAME, "its name", id="camel case is words"),
    pytest.param("order_line", ["sales.orders.OrderLines"], Stage.NAME, "its name", id="singular is plural"),
    pytest.param(
        "t_0815", ["sales.orders.lines"], Stage.ALIAS, "also called `T_0815` (physical name)", id="another name",
    ),
    pytest.param("turnover", ["shop.revenue"], Stage.ALIAS, "also called `Turnover` (synonym)", id="a synonym"),
    pytest.param(
        "cost of goods sold", ["finance.costs.cost_of_goods_sold"], Stage.NAME, "its name", id="stop words are words",
    ),
    pytest.param(
        "goods cost", ["finance.costs.cost_of_goods_sold"], Stage.WORDS, "all words are in its name",
        id="words of a name in any order",
    ),
    pytest.param(
        "cost goo", ["finance.costs.cost_of_goods_sold"], Stage.PREFIX, "a word of its name begins with `goo`",
        id="half a name",
    ),
    pytest.param(
        "retruns", ["sales.orders.returns"], Stage.FUZZY, "its name is spelt alike: `return`", id="a typing error",
    ),
    pytest.param(
        "netAmount", ["sales.orders.lines"], Stage.COLUMN, "it has the column `netAmount`", id="a column",
    ),
    pytest.param(
        "net_amount", ["sales.orders.lines"], Stage.COLUMN, "it has the column `netAmount`", id="a column in words",
    ),
    pytest.param(
        "sales.orders.lines.netAmount", ["sales.orders.lines"], Stage.COLUMN, "it has the column `netAmount`",
        id="a column with its table",
    ),
    pytest.param("ada", ["sales-data"], Stage.CONCERN, "found in its tags", id="a member finds the team"),
    pytest.param(
        "working", ["finance.costs.calendar"], Stage.PROSE, "its description has the words", id="a description",
    ),
]  # fmt: skip


@pytest.fixture
def shop(catalog: Catalog) -> Catalog:
    """A catalog with a shop in it."""
    catalog.update(told(SHOP))
    return catalog


def names(catalog: Catalog, text: str, **more: object) -> list[str]:
    """Return the ids that a search finds, in order."""
    return [hit.key.id for hit in catalog.search(Question(text, **more)).hits]  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "first", "stage", "why"), TABLE)
def test_what_was_asked_stands_first_and_says_why(
    shop: Catalog, text: str, first: list[str], stage: Stage, why: str
) -> None:
    """Each way to ask finds what is meant first, at its stage, and the hit says why in words."""
    hits = shop.search(Question(text)).hits

    assert [hit.key.id for hit in hits[: len(first)]] == first
    assert (hits[0].stage, hits[0].why[0]) == (stage, why)


def test_an_exact_name_beats_everything_that_signals_could_lift(shop: Catalog) -> None:
    """A plain table of the name stands before certified things that only contain it."""
    found = shop.search(Question("lines")).hits

    assert [h.key.id for h in found] == [
        "sales.orders.lines", "sales.orders.OrderLines", "sales.orders.order_lines_old", "sales.orders.returns",
        "finance.costs.calendar",
    ]  # fmt: skip
    assert [h.stage for h in found] == sorted((h.stage for h in found), reverse=True)


def test_certified_first_and_deprecated_last_with_what_to_use_instead(shop: Catalog) -> None:
    """Among hits of one stage the certified one is first, a deprecated one last, and it names its replacement."""
    found = shop.search(Question("revenue", kinds=("metric",))).hits

    assert [h.key.id for h in found] == ["shop.revenue", "shop.revenue_draft", "shop.revenue_old"]
    old = next(h for h in shop.search(Question("order lines old")).hits if h.status == "deprecated")
    assert old.replaced_by == Key("asset", "sales.orders.OrderLines")
    assert "deprecated: use sales.orders.OrderLines" in old.why


def test_kinds_are_counted_whatever_kind_was_asked_for(shop: Catalog) -> None:
    """The counts by kind are those of the whole search, so that a page can offer the other kinds."""
    found = shop.search(Question("sales", kinds=("team",)))

    assert found.total == 1
    assert found.kinds == {"product": 1, "asset": 4, "metric": 3, "team": 1}


def test_a_search_may_stay_in_one_product(shop: Catalog) -> None:
    """`product` leaves out what is of others."""
    assert set(names(shop, "amount")) == {"sales.orders.lines", "finance.costs.cost_of_goods_sold"}
    assert names(shop, "amount", product="finance.costs") == ["finance.costs.cost_of_goods_sold"]


@pytest.mark.parametrize(("text", "near"), [("orderz linez oldd x", "order_lines_old"), ("amuont", "amount")])
def test_where_nothing_is_found_names_close_to_it_are(shop: Catalog, text: str, near: str) -> None:
    """A search without hits suggests names, of entries and of columns."""
    found = shop.search(Question(text))

    assert found.total == 0
    assert near in found.near


def test_pages_go_on_where_they_ended(catalog: Catalog) -> None:
    """All pages together are all hits, each once and in the order of one long page."""
    catalog.update(told([asset(f"big.product.thing_{n}") for n in range(57)]))
    whole = names(catalog, "thing", limit=MOST)
    paged, cursor = [], ""
    while True:
        found = catalog.search(Question("thing", limit=10, cursor=cursor))
        paged += [hit.key.id for hit in found.hits]
        cursor = found.next
        if not cursor:
            break

    assert len(whole) == 57
    assert paged == whole


@pytest.mark.parametrize(
    ("question", "code"),
    [
        pytest.param(Question("  "), "FH-F001", id="no word"),
        pytest.param(Question("x", kinds=("tabel",)), "FH-F002", id="no such kind"),
        pytest.param(Question("x", limit=0), "FH-F003", id="no hits"),
        pytest.param(Question("x", limit=101), "FH-F003", id="too many hits"),
        pytest.param(Question("x", cursor="zzz"), "FH-F003", id="no cursor"),
        pytest.param(Question("x", cursor=Question("y").after(20)), "FH-F003", id="the cursor of another search"),
    ],
)
def test_what_is_no_search_is_refused(shop: Catalog, question: Question, code: str) -> None:
    """A search that cannot be meant says what is wrong with it."""
    with pytest.raises(FreeholdError) as error:
        shop.search(question)

    assert error.value.code == code
    assert error.value.fix


def test_without_a_catalog_it_says_how_to_make_one(tmp_path: Path) -> None:
    """Asking makes no catalog."""
    with Catalog(tmp_path) as none, pytest.raises(FreeholdError) as error:
        none.search(Question("x"))

    assert error.value.code == "FH-F102"
    assert not (tmp_path / ".freehold").exists()


NAUGHTY = [
    "", "'; DROP TABLE asset; --", '"a" OR *', "name:x AND (", "\\", "\x00", "🧾 Rechnungen", "Straße", "STRASSE",
    "ﬁnance", "naïve café", "Ⅷ", "売上 高", "매출", "إيرادات", "e\u0301te\u0301", "*", "~", "^2", "[a TO z]",
    "../../etc", "a" * 5_000, " ".join("abcdefghij"), "%s%n", "null", "-", "_",
]  # fmt: skip


@pytest.mark.parametrize("text", NAUGHTY)
def test_naughty_names_are_kept_and_found(catalog: Catalog, text: str) -> None:
    """Whatever a name is made of, its entry is found by it, and a query is never taken for a language."""
    catalog.update(told([asset("a.b.plain"), entry("dashboard", f"d/{len(text)}", title=text or "x")]))
    if not text.strip().strip("\x00"):
        return
    found = catalog.search(Question(text))

    assert found.hits[0].key.id == f"d/{len(text)}"


@given(text=st.text(st.characters(codec=None), min_size=1, max_size=60))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_is_answered_or_refused_in_our_words(shop: Catalog, text: str) -> None:
    """No text makes a search fail in any other way than saying that it has no word."""
    if not text.split():
        with pytest.raises(FreeholdError, match="no word"):
            shop.search(Question(text))
        return
    found = shop.search(Question(text))

    assert len(found.hits) == min(found.total, 20)
    assert all(hit.why for hit in found.hits)


@pytest.mark.parametrize(
    "text", ["lines", "revenue", "orders", "calender", "order", "sales data", "nothing of the kind"]
)
@pytest.mark.parametrize("allowed", [frozenset(), frozenset({"finance.costs"}), frozenset({"sales.orders"})])
@pytest.mark.parametrize("kinds", [(), ("metric",)])
def test_many_hits_are_cut_to_what_may_be_seen_as_few_are(
    shop: Catalog, monkeypatch: pytest.MonkeyPatch, text: str, allowed: frozenset[str], kinds: tuple[str, ...]
) -> None:
    """Few hits are looked up one by one, many are asked of the index; both are the same answer."""
    question = Question(text, allowed=allowed, kinds=kinds, limit=2)
    few = shop.search(question)
    monkeypatch.setattr("freehold.catalog.searching._FEW", 1)  # two are many
    assert shop.search(question) == few
