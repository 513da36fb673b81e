"""A question to metrics as an address holds it: read and written without loss, and safe to put into SQL."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
import sqlglot
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.server.questions import MOST_WORDS, Filter, Question, as_command, as_python, as_yaml, question_of
from freehold.server.web.pages.explore import spoken_filters

NAMES = st.from_regex(r"[a-z][a-z_]{0,8}(\.[a-z][a-z_]{0,8})?", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(
    lambda t: t == t.strip()
)
FILTERS = st.builds(Filter, NAMES, st.one_of(st.none(), st.just(""), TEXTS), st.booleans())
PLAIN = {exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.In, exp.Is, exp.Null, exp.Column, exp.Identifier, exp.Literal}
QUESTIONS = st.builds(
    Question,
    metrics=st.lists(NAMES, max_size=4, unique=True).map(tuple),
    by=st.lists(NAMES, max_size=4, unique=True).map(tuple),
    filters=st.lists(FILTERS, max_size=5, unique=True).map(tuple),
    where=st.one_of(st.just(""), TEXTS),
    start=st.sampled_from(("", "2026", "2026-11", "2026-11-09")),
    end=st.sampled_from(("", "2026-12", "2026-12-01")),
    compare=st.sampled_from(("", "prior:1month", "prior:52weeks")),
    having=st.one_of(st.just(""), TEXTS),
    order=st.lists(NAMES.map(lambda n: f"-{n}"), max_size=2, unique=True).map(tuple),
    limit=st.one_of(st.none(), st.integers(0, 10_000)),
    zone=st.sampled_from(("", "Europe/London")),
)


@given(QUESTIONS)
def test_an_address_holds_the_whole_question(question: Question) -> None:
    """Whoever opens the address asks the same; as a form sends it, too."""
    address = question.address()

    assert question_of(question.pairs()) == question
    assert question_of(parse_qsl(address.partition("?")[2], keep_blank_values=True)) == question


@given(st.lists(FILTERS, min_size=1, max_size=5, unique=True))
def test_no_value_of_a_filter_is_more_than_a_value(filters: list[Filter]) -> None:
    """Whatever stands in the address, the condition compares fields with literals that hold just that text."""
    tree = sqlglot.parse_one(Question(filters=tuple(filters)).condition)
    literals = {node.this for node in tree.find_all(exp.Literal)}

    assert literals == {one.value for one in filters if one.value is not None}
    assert {".".join(part.name for part in c.parts) for c in tree.find_all(exp.Column)} == {f.field for f in filters}
    assert {type(node) for node in tree.walk()} <= PLAIN


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ([Filter("channel", "web")], "channel = 'web'"),
        ([Filter("channel", "web"), Filter("channel", "shop")], "channel IN ('web', 'shop')"),
        ([Filter("channel", None)], "channel IS NULL"),
        ([Filter("channel", "web"), Filter("channel", None)], "(channel = 'web' OR channel IS NULL)"),
        ([Filter("channel", "web", True)], "(NOT (channel = 'web') OR channel IS NULL)"),
        ([Filter("channel", None, True)], "NOT (channel IS NULL)"),
        ([Filter("buyer.name", "O'Hara")], "buyer.name = 'O''Hara'"),
        ([Filter("a", "1"), Filter("b", "2")], "a = '1' AND b = '2'"),
    ],
    ids=[
        "one value", "several values of a field", "an unknown value", "a value or an unknown one",
        "all but a value, the unknown among them", "all that is known", "a quote is a quote", "two fields both hold",
    ],
)  # fmt: skip
def test_filters_are_one_condition(filters: list[Filter], condition: str) -> None:
    """Values of a field are alternatives, fields hold together, and what is unknown is none of what is known."""
    assert Question(filters=tuple(filters)).condition == condition


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ([Filter("a", "1")], "a is 1"),
        ([Filter("a", "1"), Filter("a", "2"), Filter("a", None)], "a is 1, 2 or unknown"),
        ([Filter("a", "1"), Filter("b", "2", True)], "a is 1 and b is not 2"),
        ([Filter("a", "1"), Filter("b", "2"), Filter("a", "3")], "a is 1 or 3, and b is 2"),
        ([Filter("a", "1", True), Filter("a", "2", True)], "a is none of 1 and 2"),
    ],
    ids=["one", "alternatives", "two fields", "alternatives of one of two fields", "all but some"],
)
def test_filters_are_said_as_they_are_meant(filters: list[Filter], told: str) -> None:
    """By the same rule: alternatives are `or`, fields are `and`."""
    assert spoken_filters(filters) == told


def test_a_condition_that_was_written_holds_beside_the_filters() -> None:
    """An OR in it takes nothing away from them."""
    question = Question(filters=(Filter("state", "paid"),), where="amount > 5 OR amount < 1")

    assert question.condition == "state = 'paid' AND (amount > 5 OR amount < 1)"


def test_a_field_that_is_no_name_is_refused() -> None:
    """An expression cannot come in by the name of a field."""
    with pytest.raises(FreeholdError) as refused:
        _ = Question(filters=(Filter("length(password)", "1"),)).condition

    assert refused.value.code == "FH-N102"


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([("limit", "many")], "FH-N103"),
        ([("limit", "-1")], "FH-N103"),
        ([("where", "x" * 5_000)], "FH-A112"),
        ([("is", f"f={i}") for i in range(MOST_WORDS + 1)], "FH-A112"),
    ],
    ids=["a limit in words", "a limit below zero", "a word without end", "filters without end"],
)
def test_addresses_that_ask_nothing_are_refused(pairs: list[tuple[str, str]], code: str) -> None:
    """With the reason, before anything is asked."""
    with pytest.raises(FreeholdError) as refused:
        question_of(pairs)

    assert refused.value.code == code


def test_a_question_is_copied_as_what_asks_the_same() -> None:
    """As a command, as Python, and as the YAML that the API takes."""
    question = Question(("shop.revenue",), ("month",), (Filter("state", "it's paid"),), start="2026-01", limit=3)

    assert as_command(question) == (
        "freehold query shop.revenue --by month --where 'state = '\"'\"'it'\"'\"''\"'\"'s paid'\"'\"'' "
        "--from 2026-01 --limit 3"
    )
    assert "where=\"state = 'it''s paid'\"," in as_python(question, "shop")
    compile(as_python(question, "shop"), "copied", "exec")
    assert yaml.safe_load(as_yaml(question)) == {
        "metrics": ["shop.revenue"], "by": ["month"], "where": "state = 'it''s paid'", "from": "2026-01", "limit": 3,
    }  # fmt: skip


def test_narrowing_takes_the_place_of_what_a_field_was_narrowed_to() -> None:
    """A click on a value of a field that is filtered already asks for that value alone."""
    question = Question(("m",), filters=(Filter("f", "a"), Filter("f", "b", True), Filter("g", "c")), order=("-m",))
    narrowed = question.narrowed("f", "d")

    assert narrowed.filters == (Filter("f", "b", True), Filter("g", "c"), Filter("f", "d"))
    assert narrowed.order == ()
