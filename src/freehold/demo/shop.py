"""A gift shop that never was: its range, its customers and its habits, all drawn from one seed.

The shapes follow a real British online retailer's published year of invoice lines: how many invoices a weekday brings,
how large they are, what they cost, how often a line has no customer, no price or no description. This module knows
nothing of contracts, checks or warehouses, and imports nothing of ours.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")

# What a piece costs, in pounds, and how many articles in a thousand cost it.
_PRICES = {
    0.19: 12, 0.29: 22, 0.39: 32, 0.42: 58, 0.55: 36, 0.65: 40, 0.85: 96, 1.25: 150, 1.45: 44, 1.65: 88, 1.95: 60,
    2.1: 46, 2.55: 50, 2.95: 76, 3.29: 26, 3.75: 54, 4.25: 32, 4.95: 52, 5.95: 30, 6.95: 16, 7.95: 24, 8.5: 16,
    9.95: 18, 12.75: 12, 14.95: 8, 16.95: 5, 24.95: 3, 39.95: 1,
}  # fmt: skip
_COUNTRIES = {
    "United Kingdom": 9050, "Germany": 215, "France": 200, "EIRE": 60, "Spain": 75, "Netherlands": 40, "Belgium": 60,
    "Switzerland": 50, "Portugal": 45, "Australia": 25, "Norway": 25, "Italy": 35, "Channel Islands": 25,
    "Finland": 25, "Cyprus": 18, "Sweden": 20, "Austria": 20, "Denmark": 18, "Japan": 18, "Poland": 14, "USA": 12,
    "Unspecified": 9, "Israel": 9, "Hong Kong": 6, "Singapore": 6, "Iceland": 6, "Canada": 8, "Greece": 8, "Malta": 6,
}  # fmt: skip
_COLOURS = ("RED", "BLUE", "PINK", "IVORY", "GREEN", "WHITE", "CREAM", "BLACK", "SILVER", "ROSE", "LAVENDER", "GOLD")
_STYLES = ("VINTAGE", "RETROSPOT", "REGENCY", "POLKADOT", "WOODLAND", "HEART", "FELTCRAFT", "ENAMEL", "PAISLEY",
           "GINGHAM", "DOILY", "CIRCUS", "ALPHABET", "GARDEN", "CHRISTMAS", "SPACEBOY", "DOLLY GIRL")  # fmt: skip
_THINGS = ("T-LIGHT HOLDER", "LUNCH BAG", "CAKE STAND", "TEACUP AND SAUCER", "BUNTING", "MUG", "DOORMAT", "CLOCK",
           "PHOTO FRAME", "HOT WATER BOTTLE", "CAKE CASES", "JUMBO BAG", "LANTERN", "COAT HANGER", "TRINKET BOX",
           "CANDLE", "MONEY BOX", "CUSHION COVER", "TEA TOWEL", "JAM JAR", "GIFT WRAP", "CARD HOLDER", "APRON",
           "BISCUIT TIN", "WALL SIGN, METAL", 'RECORD FRAME 7" SINGLE', "SET OF 3 TINS,TEA,COFFEE,SUGAR")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Article:
    """Something the shop sells; `price` in pounds for one piece."""

    sku: str
    description: str
    price: float


@dataclass(frozen=True, slots=True)
class Customer:
    """An account: a number and the country it stands in."""

    number: int
    country: str


class Odds(Generic[T]):
    """Things to draw from, each with its weight; a draw costs one random number and one bisection."""

    def __init__(self, things: Sequence[T], weights: Sequence[float]) -> None:
        self._things = things
        self._steps = list(accumulate(weights))
        self._total = self._steps[-1]
        self._last = len(things) - 1

    def draw(self, random: Random) -> T:
        """Return one of the things."""
        return self._things[min(bisect(self._steps, random.random() * self._total), self._last)]


@dataclass(frozen=True, slots=True)
class Shop:
    """The range and the customers of one seed, with how often each is met."""

    articles: Odds[Article]
    customers: Odds[Customer]
    abroad: Odds[str]


def open_shop(seed: int, articles: int = 3200, customers: int = 4300) -> Shop:
    """Return the shop of a seed: the same seed always opens the same shop."""
    random = Random(f"shop/{seed}")
    shelf = _stock(random, articles)
    accounts = _accounts(random, customers)
    # A few articles are in every basket and most are rare: the hundred best bring a fifth of all lines.
    popularity = [(rank + 40) ** -0.85 for rank in range(len(shelf))]
    loyalty = [math.exp(random.gauss(0, 1.1)) for _ in accounts]
    countries = Odds(list(_COUNTRIES), list(_COUNTRIES.values()))
    return Shop(Odds(shelf, popularity), Odds(accounts, loyalty), countries)


def _stock(random: Random, count: int) -> list[Article]:
    numbers = sorted(random.sample(range(20600, 24900), min(count, 4000)))
    prices = Odds(list(_PRICES), list(_PRICES.values()))
    shelf = []
    for number in numbers:
        suffix = random.choice("ABCDEFGHL") if random.random() < 0.09 else ""
        words = [random.choice(_COLOURS), random.choice(_STYLES), random.choice(_THINGS)]
        if random.random() < 0.3:
            words.pop(0)
        name = " ".join(words) + (" " if random.random() < 0.12 else "")  # the export never trims
        shelf.append(Article(f"{number}{suffix}", name, prices.draw(random)))
    random.shuffle(shelf)
    return shelf


def _accounts(random: Random, count: int) -> list[Customer]:
    countries = Odds(list(_COUNTRIES), list(_COUNTRIES.values()))
    numbers = sorted(random.sample(range(12346, 18288), count))
    return [Customer(number, countries.draw(random)) for number in numbers]
