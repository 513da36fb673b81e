"""Strict YAML: what words mean, where things stand, what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.estate.document import Document
from freehold.estate.reading import LARGEST_FILE, read_documents, read_file
from freehold.estate.scalars import meaning, needs_quotes
from freehold.estate.writing import inline
from freehold.foundation import FreeholdError, Problems, Where


def read(text: str | bytes) -> Any:
    """Return the value of the only document of a text."""
    (document,) = read_documents(text if isinstance(text, bytes) else text.encode(), "x.yaml")
    return document.value


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("On", "On"), ("y", "y"), ("true", True), ("False", False), ("TRUE", True),
        ("tRUE", "tRUE"), ("null", None), ("~", None), ("", None), ("nULL", "nULL"), ("12:30:45", "12:30:45"),
        ("1_000", "1_000"), ("0o17", 15), ("017", 17), ("0x1F", 31), ("-0x1F", "-0x1F"), ("0b11", "0b11"), ("+12", 12),
        ("1e3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-.5e-2", -0.005), ("1.2.3", "1.2.3"), (".inf", math.inf),
        ("-.INF", -math.inf), ("inf", "inf"), ("2011-12-24", "2011-12-24"), ("<<", "<<"), ("=", "="), ("0", 0),
        ("06:30", "06:30"), ("+", "+"), ("1e", "1e"), (".", "."),
    ],
    ids=lambda value: f"{value!r}",
)  # fmt: skip
def test_plain_words_mean_what_yaml_1_2_says(word: str, value: object) -> None:
    """A plain word is read by the core schema of YAML 1.2, not by the rules of 1.1."""
    assert (meaning(word), type(meaning(word))) == (value, type(value))


def test_nan_is_a_number() -> None:
    """`.nan` is read as not-a-number."""
    value = read("a: .nan")["a"]

    assert isinstance(value, float)
    assert math.isnan(value)


def test_quoted_words_are_text() -> None:
    """Quotes, and the tag !!str, make text of what would be something else."""
    assert read("""a: "12"\nb: 'true'\nc: !!str 12\nd: ! 12\ne: |\n  12\n""") == {
        "a": "12", "b": "true", "c": "12", "d": "12", "e": "12\n",
    }  # fmt: skip


def test_keys_are_text() -> None:
    """A key is text as it is written, whatever a value of that form would be."""
    assert read("{1: a, true: b, 1.50: c, 'no': d}") == {"1": "a", "true": "b", "1.50": "c", "no": "d"}


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbfa: 1\nb: [x]\n", b"a: 1\r\nb: [x]\r\n", b"a: 1\nb: [x]", b"# c\n---\na: 1\nb: [x]\n...\n---\n"],
    ids=["with a byte order mark", "with CRLF", "without a last newline", "with markers and an empty document"],
)
def test_the_same_document_in_another_dress(content: bytes) -> None:
    """Byte order mark, line ends, markers and empty documents change nothing."""
    assert read(content) == {"a": 1, "b": ["x"]}


def test_each_part_knows_its_place() -> None:
    """Places are counted from one, in characters, for values and for keys, in every document of a file."""
    first, second = read_documents("é: {ü: [1, zwei]}\n---\n\na:\n  - b: 1\n".encode(), "x.yaml")

    assert first.where("é", "ü", 1) == Where("x.yaml", 1, 12)
    assert first.where_key("é", "ü") == Where("x.yaml", 1, 5)
    assert second.where("a", 0, "b") == Where("x.yaml", 5, 8)
    assert second.where_key("a", 0, "b") == Where("x.yaml", 5, 5)
    assert second.where("a", 0, "missing", "deeper") == Where("x.yaml", 5, 5)
    assert second.node("a", 7) is None


def test_an_alias_is_what_it_names() -> None:
    """Aliases are values like others, up to a hundred."""
    assert read("a: &x {b: 1}\nc: [*x, *x]\n") == {"a": {"b": 1}, "c": [{"b": 1}, {"b": 1}]}
    assert len(read(f"a: &x 1\nc: [{', '.join(['*x'] * 100)}]\n")["c"]) == 100


def test_aliases_cannot_blow_up() -> None:
    """Twenty lines that double each time are refused before they fill the memory."""
    doubling = "a0: &a0 [x, x, x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))

    with pytest.raises(FreeholdError, match="blow up") as caught:
        read(doubling)
    assert caught.value.code == "FH-V008"


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "], ids=["lists", "mappings", "dashes", "keys"])
def test_depth_is_refused_at_once(opening: str) -> None:
    """A megabyte of opening brackets is refused at the sixty-fifth, not after minutes."""
    with pytest.raises(FreeholdError) as caught:
        read(opening * (900_000 // len(opening)))
    assert caught.value.code == "FH-V007"


def test_sixty_four_levels_are_allowed() -> None:
    """The limit is where it is said to be."""
    assert read("[" * 64 + "]" * 64)
    with pytest.raises(FreeholdError, match="64"):
        read("[" * 65 + "]" * 65)


def test_a_number_of_many_digits_is_a_mistake() -> None:
    """A number of five thousand digits is refused with its place, not with Python's own limit."""
    with pytest.raises(FreeholdError, match="5000 digits") as caught:
        read("a: " + "9" * 5000)
    assert caught.value.where == Where("x.yaml", 1, 4)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """Fifty megabytes are refused by their size; the file is never opened."""
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as file:
        file.truncate(50_000_000)
    huge.chmod(0o000)

    with pytest.raises(FreeholdError, match=r"50\.0 MB") as caught:
        read_file(tmp_path, "huge.yaml")
    assert caught.value.code == "FH-V003"


def test_one_byte_above_the_limit_is_refused() -> None:
    """The limit is where it is said to be."""
    assert read(b"a" * LARGEST_FILE)
    with pytest.raises(FreeholdError) as caught:
        read(b"a" * (LARGEST_FILE + 1))
    assert caught.value.code == "FH-V003"


def test_all_faults_of_a_file_are_told() -> None:
    """Duplicate keys and tags are gathered, and what breaks the reading comes with them."""
    with pytest.raises(Problems) as caught:
        read("a: 1\na: 2\nb: !thing x\nc: [\n")
    assert [error.code for error in caught.value.errors] == ["FH-V006", "FH-V009", "FH-V005"]


def test_the_first_bad_byte_is_named() -> None:
    """The offset counts the bytes of the file, its mark included; the column counts characters."""
    with pytest.raises(FreeholdError, match="0xff at offset 13") as caught:
        read(b"\xef\xbb\xbfa: 1\nb: \xc3\xa9\xff")
    assert caught.value.where == Where("x.yaml", 2, 5)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_what_is_written_is_read_again(value: object) -> None:
    """Any value, written on one line, is the same value when it is read; quotes are where they must be."""
    again = read(f"a: {inline(value)}")["a"]

    assert again == value
    assert repr(again) == repr(value)


@given(texts)
def test_quotes_are_put_where_readers_differ(text: str) -> None:
    """A word that may stand without quotes is text for a reader of YAML 1.1 as well."""
    import yaml

    if inline(text) == text:
        assert not needs_quotes(text)
        assert yaml.safe_load(text) == text


@given(values)
def test_a_document_survives_its_own_writing(value: object) -> None:
    """Reading, dumping and reading again gives the same values in the same order."""
    (document,) = read_documents(f"a: {inline(value)}\nb: x".encode(), "x.yaml")
    (again,) = read_documents(document.dump().encode(), "x.yaml")

    assert repr(again.value) == repr(document.value)
    assert again.digest == document.digest


def outcome(content: bytes) -> tuple[Document, ...] | FreeholdError:
    """Return the documents of a file, or the error."""
    try:
        return read_documents(content, "x.yaml")
    except FreeholdError as error:
        return error


@given(st.binary(max_size=200))
def test_no_bytes_bring_a_traceback(content: bytes) -> None:
    """Whatever the bytes, the answer is documents or a FreeholdError with a place."""
    said = outcome(content)

    assert isinstance(said, tuple) or str(said.where).startswith("x.yaml")


@given(st.text("ab:-[]{},&*!?|>'\"%@`# \n\t~<1.", max_size=60))
def test_no_text_brings_a_traceback(text: str) -> None:
    """Whatever the signs of YAML in a text: an error with its line, or documents that survive their own writing."""
    said = outcome(text.encode())

    if isinstance(said, FreeholdError):
        assert said.where is not None
        assert said.where.line > 0
        return
    for document in said:
        (again,) = read_documents(document.dump().encode(), "x.yaml")
        assert repr(again.value) == repr(document.value)
