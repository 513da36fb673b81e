"""Questions in words: answered where every word means one thing, asked back or refused where not."""

# ruff: noqa: E501 - models read better whole

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from freehold.metrics.asking import Suggestion, suggestion
from freehold.metrics.phrases import time_in

from .conftest import catalogue_from

TODAY = date(2011, 11, 16)  # a Wednesday
MODEL = """
name: sales
datasets:
  lines: {source: lines, primary_key: [id], time: d, fields: {id: , d: {datatype: Date}, v: , channel: {synonyms: [medium]}, buyer_id: , sku: }}
  customers: {source: customers, primary_key: [id], fields: {id: , country: , segment: {label: customer segment}}}
  articles: {source: articles, primary_key: [sku], fields: {sku: , family: , country: }}
relationships:
  - {from: lines.buyer_id, to: customers.id, name: buyer}
  - {from: lines.sku, to: articles.sku, name: article}
metrics:
  revenue: {expression: SUM(lines.v), synonyms: [sales, turnover], status: certified, description: x, includes: x, excludes: x}
  net_revenue: {expression: SUM(lines.v), filter: lines.v > 0, synonyms: [proceeds]}
  orders: {expression: COUNT(lines.*), synonyms: [purchases]}
  average_order: {expression: revenue / orders, synonyms: [basket value, aov]}
  old_revenue: {expression: SUM(lines.v), status: deprecated, replaced_by: revenue, synonyms: [sales]}
  income: {expression: SUM(lines.v), synonyms: [proceeds]}
"""
VALUES = {
    "channel": ["web", "phone"], "buyer.country": ["Germany", "United Kingdom", "France"], "buyer.segment": ["loyal", "new"],
    "article.country": ["France", "China"], "article.family": ["o'neill", "toys"],
}  # fmt: skip


def ask(text: str) -> Suggestion:
    """Return what a question comes to on 16 November 2011."""
    return suggestion(catalogue_from(MODEL), text, TODAY, lambda _: VALUES)


ANSWERED: dict[str, dict[str, Any]] = {
    "revenue": {"metrics": ["revenue"]},
    "What was our turnover last month?": {"metrics": ["revenue"], "start": "2011-10", "end": "2011-10"},
    "monthly revenue in Germany last year": {
        "metrics": ["revenue"], "by": ["month"], "where": "buyer.country = 'Germany'", "start": "2010", "end": "2010",
    },
    "how many purchases per week since March 2011": {"metrics": ["orders"], "by": ["week"], "start": "2011-03"},
    "revenue and orders by channel": {"metrics": ["revenue", "orders"], "by": ["channel"]},
    "revenue by medium": {"metrics": ["revenue"], "by": ["channel"]},
    "revenue by buyer country and channel": {"metrics": ["revenue"], "by": ["buyer.country", "channel"]},
    "revenue by customer segment and month": {"metrics": ["revenue"], "by": ["buyer.segment", "month"]},
    "top 3 families by revenue": {"metrics": ["revenue"], "by": ["article.family"], "order": ["-revenue"], "limit": 3},
    "basket value of loyal customers on the web": None,
    "basket value, loyal, web": {
        "metrics": ["average_order"], "where": "buyer.segment = 'loyal' AND channel = 'web'",
    },
    "revenue in the United Kingdom in q3 2011": {
        "metrics": ["revenue"], "where": "buyer.country = 'United Kingdom'", "start": "2011-07", "end": "2011-09",
    },
    "revenue of o'neill": {"metrics": ["revenue"], "where": "article.family = 'o''neill'"},
    "revenue this month vs last year": {
        "metrics": ["revenue"], "start": "2011-11", "end": "2011-11", "compare": "prior:1 year",
    },
    "sales from 2011-03-01 to 2011-03-15 by day": {
        "metrics": ["revenue"], "by": ["day"], "start": "2011-03-01", "end": "2011-03-15",
    },
    "revenue by fiscal year": {"metrics": ["revenue"], "by": ["fiscal_year"]},
}  # fmt: skip


@pytest.mark.parametrize("text", [t for t, q in ANSWERED.items() if q is not None])
def test_a_question_of_which_every_word_means_one_thing_is_answered(text: str) -> None:
    """Names, synonyms, values, dates and periods become the words of a question to metrics."""
    found = ask(text)

    assert ("answer", ANSWERED[text]) == (found.kind, dict(found.question)), found


ASKED = {
    "proceeds by month": ("proceeds", ("sales.income", "sales.net_revenue")),
    "revenue in France": ("france", ("buyer.country = 'France'", "article.country = 'France'")),
    "revenue by country": ("country", ("buyer.country", "article.country")),
}


@pytest.mark.parametrize("text", ASKED)
def test_a_word_with_several_meanings_is_asked_back(text: str) -> None:
    """The options are given; none is taken in silence."""
    found = ask(text)

    assert ("ask", *ASKED[text]) == (found.kind, found.about, found.options)


REFUSED = {
    "revenue of blue things": ("blue", "things"),
    "the number of unicorns": ("the", "number", "of", "unicorns"),
    "revenue forecast": ("forecast",),
    "why did revenue fall": ("why", "fall"),
    "revenue without Germany": ("without",),
    "revenue not in Germany": ("not",),
    "revenue except web": ("except",),
    "basket value of loyal customers on the web": ("customers",),
    "top 3 revenue": ("top 3",),
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_question_with_words_that_mean_nothing_here_is_refused(text: str) -> None:
    """What is left is named, words that turn a meaning round among them; nothing is answered."""
    found = ask(text)

    assert ("refuse", REFUSED[text]) == (found.kind, found.left)


TIMES = {
    "this week": ("2011-11-14", "2011-11-20"),
    "last week": ("2011-11-07", "2011-11-13"),
    "last quarter": ("2011-07", "2011-09"),
    "this year": ("2011", "2011"),
    "yesterday": ("2011-11-15", "2011-11-15"),
    "the last 7 days": ("2011-11-09", "2011-11-15"),
    "past 3 months": ("2011-08", "2011-10"),
    "in january 2011": ("2011-01", "2011-01"),
    "in dec. 2010": ("2010-12", "2010-12"),
    "between march 2011 and may 2011": ("2011-03", "2011-05"),
    "until 2011-06": (None, "2011-06"),
    "2010": ("2010", "2010"),
}


@pytest.mark.parametrize("text", TIMES)
def test_times_in_words_are_days(text: str) -> None:
    """Counted from a given day; what is left of the text holds no time any more."""
    found, rest = time_in(text, TODAY)

    assert TIMES[text] == (found.start, found.end)
    assert rest.strip(" .") == ""
