"""Invoice lines for any day of the shop, with the shape and the dirt of a real export.

What the dirt is: a quarter of the lines without a customer, one line in a hundred repeated exactly, lines at no price
with an empty or scribbled description, cancellations as negative lines on invoices that start with C, prices for
guests at about twice the trade price. A day depends on the seed, its date and the number of its first invoice, on
nothing else. This module knows nothing of contracts, checks or warehouses.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from random import Random

from freehold.demo.shop import Article, Odds, Shop, open_shop

HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
FIRST_INVOICE = 536365
SATURDAY = 5

_INVOICES = {0: 84, 1: 86, 2: 87, 3: 98, 4: 78, 6: 44}  # a usual weekday, Monday first
_SEASON = {1: 0.85, 2: 0.85, 3: 0.95, 4: 0.95, 5: 1.0, 6: 1.0, 7: 1.0, 8: 0.95, 9: 1.2, 10: 1.35, 11: 1.6, 12: 1.3}
_HOURS = {7: 1, 8: 24, 9: 70, 10: 114, 11: 122, 12: 152, 13: 130, 14: 121, 15: 118, 16: 75, 17: 46, 18: 8}
_SUNDAY_HOURS = {10: 60, 11: 110, 12: 150, 13: 140, 14: 120, 15: 100, 16: 8}
_TRADE_PACKS = Odds((1, 2, 3, 4, 6, 8, 10, 12, 24, 25, 36, 48, 72, 96, 144), (
    150, 140, 70, 80, 115, 40, 60, 165, 65, 15, 12, 18, 6, 5, 3))  # fmt: skip
_DEAR_PACKS = Odds((1, 2, 3, 4, 6, 8, 12), (330, 260, 110, 120, 80, 30, 20))
_GUEST_PACKS = Odds((1, 2, 3, 4, 5, 6, 10, 12), (700, 150, 50, 30, 15, 15, 10, 10))
_SCRIBBLES = Odds(("", "check", "damages", "damaged", "found", "?", "sold as set on dotcom"), (
    580, 160, 60, 60, 40, 50, 20))  # fmt: skip
_CHARGES = (Article("POST", "POSTAGE", 18.0), Article("DOT", "DOTCOM POSTAGE", 184.94),
            Article("M", "Manual", 7.95), Article("C2", "CARRIAGE", 50.0))  # fmt: skip
_DISCOUNT = Article("D", "Discount", 22.97)


@dataclass(frozen=True, slots=True)
class Line:
    """One line as the shop's system exports it; `price` in pounds, `customer` None for a guest."""

    invoice: str
    sku: str
    description: str
    quantity: int
    ordered_at: datetime
    price: float
    customer: int | None
    country: str


@dataclass(frozen=True, slots=True)
class TradingDay:
    """What was invoiced on one date, in the order of the clock."""

    date: date
    lines: tuple[Line, ...]


def trades_on(day: date) -> bool:
    """Whether the shop is open: never on Saturdays, nor over Christmas and New Year."""
    return day.weekday() != SATURDAY and (day.month, day.day) not in {(12, 25), (12, 26), (1, 1)}


def trading_days(seed: int, first: date, last: date) -> Iterator[TradingDay]:
    """Generate the days of a span, both ends included; the same arguments always give the same lines."""
    shop = open_shop(seed)
    invoice = FIRST_INVOICE
    day = first
    while day <= last:
        if trades_on(day):
            lines, invoice = _day(shop, Random(f"day/{seed}/{day}"), day, invoice)
            yield TradingDay(day, lines)
        day += timedelta(days=1)


def to_csv(lines: Iterable[Line]) -> bytes:
    """Return lines as the export writes them: a header, commas, doubled quotes, customers with a decimal point."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(map(cells, lines))
    return out.getvalue().encode()


def cells(line: Line) -> tuple[str, ...]:
    """Return one line as the texts of its eight columns."""
    customer = "" if line.customer is None else f"{line.customer}.0"
    price = repr(round(line.price, 3))
    moment = line.ordered_at.isoformat(" ")
    return (line.invoice, line.sku, line.description, str(line.quantity), moment, price, customer, line.country)


def _day(shop: Shop, random: Random, day: date, invoice: int) -> tuple[tuple[Line, ...], int]:
    usual = _INVOICES[day.weekday()] * _SEASON[day.month]
    count = round(usual * min(max(math.exp(random.gauss(0, 0.22)), 0.6), 1.9))
    lines: list[Line] = []
    for moment in _moments(random, day, count):
        number = f"{invoice}"
        lines += _invoice(shop, random, number, moment)
        invoice += 1
    return tuple(_repeated(random, lines)), invoice


def _moments(random: Random, day: date, count: int) -> list[datetime]:
    hours = _SUNDAY_HOURS if day.weekday() == 6 else _HOURS
    odds = Odds(list(hours), list(hours.values()))
    # The last hour of the day always brings somebody: the shop packs until it closes.
    drawn = [(odds.draw(random), random.randrange(60)) for _ in range(count - 1)] + [(16, random.randrange(5, 40))]
    return [datetime.combine(day, time(hour, minute)) for hour, minute in sorted(drawn)]


def _invoice(shop: Shop, random: Random, number: str, moment: datetime) -> list[Line]:
    chance = random.random()
    if chance < 0.145:
        return _cancellation(shop, random, f"C{number}", moment)
    if chance < 0.225:
        return _correction(shop, random, number, moment)
    if chance < 0.285:
        return _guest_order(shop, random, number, moment)
    return _trade_order(shop, random, number, moment)


def _trade_order(shop: Shop, random: Random, number: str, moment: datetime) -> list[Line]:
    customer = shop.customers.draw(random)
    size = min(max(round(math.exp(random.gauss(2.75, 0.95))), 1), 250)
    lines = []
    for _ in range(size):
        article = shop.articles.draw(random)
        packs = _TRADE_PACKS if article.price < 4 else _DEAR_PACKS
        quantity = packs.draw(random)
        if random.random() < 0.02:
            quantity *= 6
        lines.append(
            Line(number, article.sku, article.description, quantity, moment, article.price, customer.number,
                 customer.country)
        )  # fmt: skip
    if customer.country != "United Kingdom" and random.random() < 0.6:
        lines.append(_charge(_CHARGES[0], number, moment, customer.number, customer.country))
    elif random.random() < 0.02:
        price = round(random.uniform(1, 120), 2)
        lines.append(_charge(replace(_CHARGES[2], price=price), number, moment, customer.number, customer.country))
    return lines


def _guest_order(shop: Shop, random: Random, number: str, moment: datetime) -> list[Line]:
    """Return a web order of many lines at about twice the trade price, with its postage."""
    size = min(max(round(math.exp(random.gauss(4.2, 0.8))), 3), 600)
    country = "United Kingdom" if random.random() < 0.985 else shop.abroad.draw(random)
    lines = []
    for _ in range(size):
        article = shop.articles.draw(random)
        price = round(article.price * 1.97, 2)
        lines.append(
            Line(number, article.sku, article.description, _GUEST_PACKS.draw(random), moment, price, None, country)
        )
    postage = round(2.6 * size * random.uniform(0.5, 1.3), 2)
    return [*lines, _charge(replace(_CHARGES[1], price=postage), number, moment, None, country)]


def _cancellation(shop: Shop, random: Random, number: str, moment: datetime) -> list[Line]:
    customer = shop.customers.draw(random)
    lines = []
    for _ in range(1 + int(random.expovariate(0.75))):
        article = _DISCOUNT if random.random() < 0.02 else shop.articles.draw(random)
        quantity = -(1 if article is _DISCOUNT or random.random() < 0.5 else _TRADE_PACKS.draw(random))
        lines.append(
            Line(number, article.sku, article.description, quantity, moment, article.price, customer.number,
                 customer.country)
        )  # fmt: skip
    return lines


def _correction(shop: Shop, random: Random, number: str, moment: datetime) -> list[Line]:
    """Return a stock correction: no customer, no price, often no words."""
    article = shop.articles.draw(random)
    quantity = round(math.exp(random.gauss(2.5, 1.3))) * (-1 if random.random() < 0.55 else 1)
    words = _SCRIBBLES.draw(random)
    return [Line(number, article.sku, words, quantity or 1, moment, 0.0, None, "United Kingdom")]


def _charge(article: Article, number: str, moment: datetime, customer: int | None, country: str) -> Line:
    return Line(number, article.sku, article.description, 1, moment, article.price, customer, country)


def _repeated(random: Random, lines: list[Line]) -> Iterator[Line]:
    """Write one line in a hundred twice, as the real export does."""
    for line in lines:
        yield line
        if line.price > 0 and random.random() < 0.01:
            yield line
