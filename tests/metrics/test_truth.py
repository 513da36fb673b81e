"""Every trap against SQL written by hand: what a metric says is what a careful person would have counted."""

# ruff: noqa: E501 - the queries are read beside each other

from __future__ import annotations

import pytest

from .conftest import Shop, said

ITEMS = "shop.items i LEFT JOIN shop.orders o ON i.order_id = o.order_id LEFT JOIN shop.customers c ON o.buyer_id = c.customer_id"
ORDERS = "shop.orders o LEFT JOIN shop.customers c ON o.buyer_id = c.customer_id"
MONTH_ENDS = (
    "(VALUES (DATE '2011-01-01', DATE '2011-01-31'), (DATE '2011-02-01', DATE '2011-02-28'), "
    "(DATE '2011-03-01', DATE '2011-03-31'), (DATE '2011-04-01', (SELECT MAX(sold_on) FROM shop.items))) AS m(p, e)"
)
CASES = {
    "a total": (said(metrics=["revenue"]), "SELECT SUM(amount) FROM shop.items"),
    "a fan: two facts of different grain by a key of one of them": (
        said(metrics=["revenue", "shipping", "orders"], by=["channel"]),
        "SELECT COALESCE(a.channel, b.channel), a.r, b.s, COALESCE(b.n, 0) FROM "
        f"(SELECT o.channel, SUM(i.amount) r FROM {ITEMS} GROUP BY 1) a FULL JOIN "
        "(SELECT channel, SUM(shipping) s, COUNT(order_id) n FROM shop.orders GROUP BY 1) b ON a.channel = b.channel",
    ),
    "two facts through roles of the same name": (
        said(metrics=["minutes"], by=["caller.country"]),
        "SELECT c.country, SUM(t.minutes_spent) FROM shop.tickets t LEFT JOIN shop.customers c "
        "ON t.customer_id = c.customer_id GROUP BY 1",
    ),
    "a role: by who ordered": (
        said(metrics=["shipping"], by=["buyer.country"]),
        f"SELECT c.country, SUM(o.shipping) FROM {ORDERS} GROUP BY 1",
    ),
    "another role: by who receives": (
        said(metrics=["shipping"], by=["receiver.country"]),
        "SELECT c.country, SUM(o.shipping) FROM shop.orders o LEFT JOIN shop.customers c ON o.receiver_id = c.customer_id "
        "GROUP BY 1",
    ),
    "both roles at once": (
        said(metrics=["orders"], by=["buyer.segment", "receiver.segment"]),
        "SELECT b.segment, r.segment, COUNT(*) FROM shop.orders o LEFT JOIN shop.customers b ON o.buyer_id = b.customer_id "
        "LEFT JOIN shop.customers r ON o.receiver_id = r.customer_id GROUP BY 1, 2",
    ),
    "unknown keys and keys that lead nowhere stay, as one group": (
        said(metrics=["orders", "buyers"], by=["buyer.segment"]),
        f"SELECT c.segment, COUNT(o.order_id), COUNT(DISTINCT o.buyer_id) FROM {ORDERS} GROUP BY 1",
    ),
    "a key two joins away": (
        said(metrics=["revenue"], by=["buyer.country", "month"]),
        f"SELECT c.country, DATE_TRUNC('month', i.sold_on), SUM(i.amount) FROM {ITEMS} GROUP BY 1, 2",
    ),
    "a ratio of two facts over a key two joins away": (
        said(metrics=["order_value"], by=["buyer.country"]),
        "SELECT COALESCE(a.k, b.k), CAST(a.r AS DOUBLE PRECISION) / NULLIF(b.n, 0) FROM "
        f"(SELECT COALESCE(c.country, '?') k, SUM(i.amount) r FROM {ITEMS} GROUP BY 1) a FULL JOIN "
        f"(SELECT COALESCE(c.country, '?') k, COUNT(*) n FROM {ORDERS} GROUP BY 1) b ON a.k = b.k",
    ),
    "a filtered share of itself": (
        said(metrics=["us_share"], by=["month"]),
        "SELECT DATE_TRUNC('month', i.sold_on), CAST(SUM(CASE WHEN c.country = 'US' THEN i.amount END) AS DOUBLE PRECISION) "
        f"/ NULLIF(SUM(i.amount), 0) FROM {ITEMS} GROUP BY 1",
    ),
    "a filtered count, and its share": (
        said(metrics=["web_orders", "web_share"], by=["buyer.segment"]),
        "SELECT c.segment, COUNT(CASE WHEN o.channel = 'web' THEN 1 END), "
        f"CAST(COUNT(CASE WHEN o.channel = 'web' THEN 1 END) AS DOUBLE PRECISION) / COUNT(*) FROM {ORDERS} GROUP BY 1",
    ),
    "a filter alone narrows the groups": (
        said(metrics=["us_revenue"], by=["buyer.country"]),
        f"SELECT c.country, SUM(i.amount) FROM {ITEMS} WHERE c.country = 'US' GROUP BY 1",
    ),
    "mean, median, percentile and a computed field": (
        said(metrics=["mean_amount", "median_amount", "p90_amount", "worth"], by=["product.family"]),
        "SELECT p.family, AVG(amount), PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CAST(amount AS DOUBLE PRECISION)), "
        "PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY CAST(amount AS DOUBLE PRECISION)), SUM(amount * quantity) "
        "FROM shop.items i LEFT JOIN shop.products p ON i.product_id = p.product_id GROUP BY 1",
    ),
    "a slowly changing dimension as it was then": (
        said(metrics=["revenue", "item_count"], by=["price.band"]),
        "SELECT p.band, SUM(i.amount), COUNT(*) FROM shop.items i LEFT JOIN shop.prices p ON i.product_id = p.product_id "
        "AND i.sold_on >= p.valid_from AND (p.valid_to IS NULL OR i.sold_on < p.valid_to) GROUP BY 1",
    ),
    "a total as of the end of each month": (
        said(metrics=["revenue_total"], by=["month"]),
        f"SELECT m.p, SUM(i.amount) FROM {MONTH_ENDS} JOIN shop.items i ON i.sold_on <= m.e GROUP BY 1",
    ),
    "28 days are 28, at the end of each month": (
        said(metrics=["revenue_28d", "mean_28d"], by=["month"]),
        f"SELECT m.p, SUM(i.amount), AVG(i.amount) FROM {MONTH_ENDS} JOIN shop.items i "
        "ON i.sold_on BETWEEN m.e - 27 AND m.e GROUP BY 1",
    ),
    "buyers of 28 days, each once": (
        said(metrics=["buyers_28d"], by=["month"]),
        "SELECT m.p, COUNT(DISTINCT o.buyer_id) FROM (VALUES (DATE '2011-01-01', DATE '2011-01-31'), "
        "(DATE '2011-02-01', DATE '2011-02-28'), (DATE '2011-03-01', DATE '2011-03-31'), (DATE '2011-04-01', "
        "(SELECT CAST(MAX(ordered_at) AS DATE) FROM shop.orders))) AS m(p, e) JOIN shop.orders o "
        "ON CAST(o.ordered_at AS DATE) BETWEEN m.e - 27 AND m.e GROUP BY 1",
    ),
    "28 days by day, over a week without rows": (
        said(metrics=["revenue_28d"], by=["day"], start="2011-02-01", end="2011-02-28"),
        "SELECT d.d, SUM(i.amount) FROM (SELECT CAST(DATE '2011-02-01' + CAST(n AS INTEGER) AS DATE) d FROM "
        "generate_series(0, 27) AS t(n)) d JOIN shop.items i ON i.sold_on BETWEEN d.d - 27 AND d.d GROUP BY 1",
    ),
    "since the first of the month, by day": (
        said(metrics=["revenue_mtd"], by=["day"], start="2011-02-01", end="2011-02-28"),
        "SELECT d.d, SUM(i.amount) FROM (SELECT CAST(DATE '2011-02-01' + CAST(n AS INTEGER) AS DATE) d FROM "
        "generate_series(0, 27) AS t(n)) d JOIN shop.items i ON i.sold_on BETWEEN DATE '2011-02-01' AND d.d GROUP BY 1",
    ),
    "since the fiscal year began": (
        said(metrics=["revenue_fytd"], by=["month"]),
        f"SELECT m.p, SUM(i.amount) FROM {MONTH_ENDS} JOIN shop.items i ON i.sold_on <= m.e AND i.sold_on >= "
        "CASE WHEN m.p < DATE '2011-04-01' THEN DATE '2010-04-01' ELSE DATE '2011-04-01' END GROUP BY 1",
    ),
    "against the month before": (
        said(metrics=["growth"], by=["month"]),
        "WITH m AS (SELECT CAST(DATE_TRUNC('month', sold_on) AS DATE) k, SUM(amount) r FROM shop.items GROUP BY 1) "
        "SELECT a.k, CAST(a.r AS DOUBLE PRECISION) / b.r - 1 FROM m a LEFT JOIN m b "
        "ON b.k = CAST(a.k - INTERVAL '1 month' AS DATE)",
    ),
    "a day of the month before, where months differ in length": (
        said(metrics=["revenue"], by=["day"], compare="prior:1month", start="2011-03-25", end="2011-03-31"),
        "WITH m AS (SELECT sold_on k, SUM(amount) r FROM shop.items GROUP BY 1), d AS (SELECT CAST(DATE '2011-03-25' + "
        "CAST(n AS INTEGER) AS DATE) k FROM generate_series(0, 6) AS t(n)) SELECT d.k, a.r, b.r, a.r - b.r, "
        "CAST(a.r - b.r AS DOUBLE PRECISION) / ABS(b.r) FROM d LEFT JOIN m a ON a.k = d.k "
        "LEFT JOIN m b ON b.k = CAST(d.k - INTERVAL '1 month' AS DATE)",
    ),
    "28 days to the end of the month before": (
        said(metrics=["growth_28d"], by=["month"], start="2011-02-01", end="2011-03-31"),
        "WITH v AS (SELECT m.p, SUM(i.amount) r FROM (VALUES (DATE '2011-01-01', DATE '2011-01-31'), (DATE '2011-02-01', "
        "DATE '2011-02-28'), (DATE '2011-03-01', DATE '2011-03-31')) AS m(p, e) JOIN shop.items i ON i.sold_on BETWEEN "
        "m.e - 27 AND m.e GROUP BY 1) SELECT a.p, a.r - b.r FROM v a JOIN v b ON b.p = CAST(a.p - INTERVAL '1 month' AS DATE)",
    ),
    "a stretch against the one before it, without periods": (
        said(metrics=["revenue"], compare="prior:1month", start="2011-02-01", end="2011-02-28"),
        "SELECT a, b, a - b, CAST(a - b AS DOUBLE PRECISION) / ABS(b) FROM (SELECT SUM(CASE WHEN sold_on >= DATE "
        "'2011-02-01' THEN amount END) a, SUM(CASE WHEN sold_on < DATE '2011-02-01' THEN amount END) b FROM shop.items "
        "WHERE sold_on >= DATE '2011-01-01' AND sold_on < DATE '2011-03-01') t",
    ),
    "a share within each month": (
        said(metrics=["month_share"], by=["month", "buyer.country"]),
        "SELECT k, c, CAST(r AS DOUBLE PRECISION) / SUM(r) OVER (PARTITION BY k) FROM (SELECT DATE_TRUNC('month', "
        f"i.sold_on) k, c.country c, SUM(i.amount) r FROM {ITEMS} GROUP BY 1, 2) t",
    ),
    "a share of everything": (
        said(metrics=["share"], by=["buyer.country"]),
        "SELECT c.country, CAST(SUM(i.amount) AS DOUBLE PRECISION) / (SELECT SUM(amount) FROM shop.items) "
        f"FROM {ITEMS} GROUP BY 1",
    ),
    "a share of people, who are not added up": (
        said(metrics=["buyer_share"], by=["month", "channel"]),
        "WITH t AS (SELECT DATE_TRUNC('month', ordered_at) k, COUNT(DISTINCT buyer_id) n FROM shop.orders GROUP BY 1) "
        "SELECT a.k, a.channel, CAST(a.n AS DOUBLE PRECISION) / t.n FROM (SELECT DATE_TRUNC('month', ordered_at) k, channel, "
        "COUNT(DISTINCT buyer_id) n FROM shop.orders GROUP BY 1, 2) a JOIN t ON t.k = a.k",
    ),
    "a day without rows is worth nothing, where the metric says so": (
        said(metrics=["daily"], by=["day"], start="2011-02-05", end="2011-02-20"),
        "SELECT d.d, COALESCE(SUM(i.amount), 0) FROM (SELECT CAST(DATE '2011-02-05' + CAST(n AS INTEGER) AS DATE) d FROM "
        "generate_series(0, 15) AS t(n)) d LEFT JOIN shop.items i ON i.sold_on = d.d GROUP BY 1",
    ),
    "a balance at the last day of each month": (
        said(metrics=["balance"], by=["month", "account"]),
        "SELECT DATE_TRUNC('month', day), account, SUM(balance) FROM shop.balances WHERE day IN (SELECT MAX(day) FROM "
        "shop.balances GROUP BY DATE_TRUNC('month', day)) GROUP BY 1, 2",
    ),
    "a balance at the last day each account has": (
        said(metrics=["own_balance"], by=["month", "account"]),
        "SELECT DATE_TRUNC('month', b.day), b.account, SUM(b.balance) FROM shop.balances b JOIN (SELECT "
        "DATE_TRUNC('month', day) k, account, MAX(day) d FROM shop.balances GROUP BY 1, 2) l ON l.account = b.account "
        "AND l.d = b.day GROUP BY 1, 2",
    ),
    "a balance of the whole is that of its last day": (
        said(metrics=["balance", "opening"]),
        "SELECT SUM(CASE WHEN day = (SELECT MAX(day) FROM shop.balances) THEN balance END), SUM(CASE WHEN day = "
        "(SELECT MIN(day) FROM shop.balances) THEN balance END) FROM shop.balances",
    ),
    "a metric in a filter": (
        said(metrics=["big_buyers"], by=["channel"]),
        f"SELECT o.channel, COUNT(DISTINCT o.buyer_id) FROM {ORDERS} WHERE c.customer_id IN (SELECT c.customer_id FROM "
        f"{ITEMS} GROUP BY 1 HAVING SUM(i.amount) > 1500) GROUP BY 1",
    ),
    "a metric per two things in a filter, and one over everything": (
        said(metrics=["many_at_once", "above_mean"], by=["channel"]),
        f"SELECT o.channel, COUNT(CASE WHEN n > 2 THEN 1 END), COUNT(CASE WHEN i.amount > (SELECT AVG(amount) FROM shop.items) THEN 1 END) "
        f"FROM {ITEMS} LEFT JOIN (SELECT order_id k, product_id p, COUNT(*) n FROM shop.items GROUP BY 1, 2) g ON g.k = i.order_id AND "
        "g.p = i.product_id WHERE n > 2 OR i.amount > (SELECT AVG(amount) FROM shop.items) GROUP BY 1",
    ),
    "visits followed by an order within a week": (
        said(metrics=["bought", "visits"], by=["page"]),
        "SELECT page, CAST(COUNT(CASE WHEN EXISTS (SELECT 1 FROM shop.orders o WHERE o.buyer_id = v.visitor_id AND "
        "o.ordered_at >= v.visited_at AND o.ordered_at < v.visited_at + INTERVAL '7 days') THEN 1 END) AS DOUBLE PRECISION)"
        " / COUNT(*), COUNT(*) FROM shop.visits v GROUP BY 1",
    ),
    "the number of visits to a page that were followed": (
        said(metrics=["shop_bought"], by=["month"]),
        "SELECT DATE_TRUNC('month', visited_at), COUNT(CASE WHEN page = 'shop' AND EXISTS (SELECT 1 FROM shop.orders o WHERE "
        "o.buyer_id = v.visitor_id AND o.ordered_at >= v.visited_at AND o.ordered_at < v.visited_at + INTERVAL '7 days') "
        "THEN 1 END) FROM shop.visits v GROUP BY 1",
    ),
    "by fiscal quarter and year": (
        said(metrics=["revenue"], by=["fiscal_quarter"]),
        "SELECT DATE_TRUNC('quarter', sold_on), SUM(amount) FROM shop.items GROUP BY 1",
    ),
    "by fiscal year": (
        said(metrics=["revenue"], by=["fiscal_year"]),
        "SELECT CASE WHEN sold_on < DATE '2011-04-01' THEN DATE '2010-04-01' ELSE DATE '2011-04-01' END, SUM(amount) "
        "FROM shop.items GROUP BY 1",
    ),
    "weeks that begin on Sunday": (
        said(metrics=["by_naive"], by=["week"]),
        "SELECT CAST(DATE_TRUNC('week', d + INTERVAL '1 day') - INTERVAL '1 day' AS DATE), COUNT(*) FROM (SELECT ordered_at "
        "AT TIME ZONE 'America/New_York' AT TIME ZONE 'Europe/London' d FROM shop.orders) t GROUP BY 1",
    ),
    "an instant belongs to the day of the zone asked for": (
        said(metrics=["by_instant"], by=["day"], zone="Asia/Tokyo"),
        "SELECT CAST(instant AT TIME ZONE 'Asia/Tokyo' AS DATE), COUNT(*) FROM shop.orders GROUP BY 1",
    ),
    "a stretch of days is cut in the zone of the model": (
        said(metrics=["by_naive", "by_instant"], start="2011-03-27", end="2011-03-28"),
        "SELECT (SELECT COUNT(*) FROM shop.orders WHERE CAST(ordered_at AT TIME ZONE 'America/New_York' AT TIME ZONE "
        "'Europe/London' AS DATE) BETWEEN DATE '2011-03-27' AND DATE '2011-03-28'), (SELECT COUNT(*) FROM shop.orders "
        "WHERE CAST(instant AT TIME ZONE 'Europe/London' AS DATE) BETWEEN DATE '2011-03-27' AND DATE '2011-03-28')",
    ),
    "by hour": (
        said(metrics=["orders"], by=["hour"], start="2011-01-03", end="2011-01-03"),
        "SELECT DATE_TRUNC('hour', ordered_at), COUNT(*) FROM shop.orders WHERE CAST(ordered_at AS DATE) = DATE '2011-01-03' "
        "GROUP BY 1",
    ),
    "another time than the fact's own": (
        said(metrics=["orders"], by=["buyer.signed_up:quarter"]),
        f"SELECT DATE_TRUNC('quarter', c.signed_up), COUNT(*) FROM {ORDERS} GROUP BY 1",
    ),
    "a moment as a value, beside two other facts": (
        said(metrics=["last_order", "revenue", "minutes"]),
        "SELECT (SELECT MAX(ordered_at) FROM shop.orders), (SELECT SUM(amount) FROM shop.items), "
        "(SELECT SUM(minutes_spent) FROM shop.tickets)",
    ),
    "three facts by month, each with months of its own": (
        said(metrics=["revenue", "orders", "minutes"], by=["month"]),
        "SELECT k, MAX(r), COALESCE(MAX(n), 0), MAX(m) FROM (SELECT DATE_TRUNC('month', sold_on) k, SUM(amount) r, "
        "CAST(NULL AS BIGINT) n, CAST(NULL AS NUMERIC) m FROM shop.items GROUP BY 1 UNION ALL SELECT DATE_TRUNC('month', "
        "ordered_at), NULL, COUNT(*), NULL FROM shop.orders GROUP BY 1 UNION ALL SELECT DATE_TRUNC('month', opened_at), NULL, "
        "NULL, SUM(minutes_spent) FROM shop.tickets GROUP BY 1) t GROUP BY 1",
    ),
    "the part of refunds, nothing where there are none": (
        said(metrics=["refunds"], by=["product.family"], where="items.product_id < 5"),
        "SELECT p.family, COALESCE(SUM(CASE WHEN amount < 0 THEN amount END), 0) FROM shop.items i LEFT JOIN shop.products p "
        "ON i.product_id = p.product_id WHERE i.product_id < 5 GROUP BY 1",
    ),
    "a condition two joins away, and one on the answer": (
        said(metrics=["revenue"], by=["channel"], where="buyer.country IN ('US', 'DE')", having="revenue > 0"),
        f"SELECT o.channel, SUM(i.amount) FROM {ITEMS} WHERE c.country IN ('US', 'DE') GROUP BY 1 HAVING SUM(i.amount) > 0",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_metric_says_what_a_careful_person_counts(shop: Shop, case: str) -> None:
    """Both engines give the numbers of the query written by hand, groups of unknown keys included."""
    asks, truth = {**CASES[case][0]}, CASES[case][1]
    expected = [tuple(None if v == "?" else v for v in row) for row in shop.truth(truth)]

    found = shop.ask(*asks.pop("metrics"), **asks)

    assert found
    assert sorted(map(repr, expected)) == sorted(map(repr, found))
