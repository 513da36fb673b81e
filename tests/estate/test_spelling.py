"""Where the signs of a text stand in its file."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from freehold.estate.operating import written
from freehold.estate.reading import read_documents
from freehold.foundation import Where

SPELLED = {
    "as it reads": "{a: one @two}",
    "in single quotes": "a: 'it''s @two'",
    "in double quotes with escapes": r'a: "\ta\x41\u0042 \"@two"',
    "over lines": "a: one\n\n   and @two",
    "over lines in quotes": "a: 'one''s\n\n   and @two'",
    "over lines with the break escaped": 'a: "one \\\n   \\  and @two"',
    "as a block": "b: 1\na: |\n  one\n\n    and @two\n",
    "as a block at the edge": "b: 1\na: |-\n one\n @two\n",
    "as a block of a list": "a:\n- |\n  one\n  @two\n",
    "as a block that says how far it is moved in": "a: |2\n     one\n   @two\n",
    "as a block with blank lines before": "a: |\n\n\n  one @two\n",
    "folded": "a: >\n  one\n  and\n\n  @two\n",
    "folded, with lines moved in more": "a: >- # why\n  one\n    and\n    @two\n  end\n",
    "with the line ends of Windows": "b: 1\r\na: >\r\n  one\r\n  @two\r\n",
    "with letters of two bytes": "a: é ü @two",
    "named by an alias": "a: &x |\n  one @two\nb: *x\n",
}


@pytest.mark.parametrize("file", SPELLED.values(), ids=SPELLED)
def test_a_sign_is_found_where_it_stands(file: str) -> None:
    """A place in an expression is the place of the file, in whatever way YAML lets the expression be spelled."""
    (document,) = read_documents(file.encode(), "x.yaml")
    path = ("a", 0) if file.startswith("a:\n-") else ("a",)
    value = document.node(*path).value  # type: ignore[union-attr]
    at = file.index("@")
    line = file.count("\n", 0, at)
    expected = Where("x.yaml", line + 1, at - (file.rfind("\n", 0, at) + 1) + 1)

    said = written(document, *path)

    assert document.place(*path)(value.index("@")) == expected
    assert said is not None
    assert said.at(value.index("@")) == expected


@pytest.mark.parametrize("file", ["a: ''", "a:", "a: |\n", "a: [1]", "b: 1"])
def test_what_says_nothing_is_found_as_a_whole(file: str) -> None:
    """A text without signs, and what is no text, have the place they begin at."""
    (document,) = read_documents(file.encode(), "x.yaml")

    assert document.place("a")(0) == document.where("a")
    assert document.place("a")(7) == document.where("a")


@given(st.text("ab \n'\"\\é:#-\t", min_size=1), st.sampled_from(["'", '"', "|", ">"]), st.integers(5, 20))
def test_every_sign_of_every_text_is_found(text: str, style: str, width: int) -> None:
    """However a text is written, the file has its signs at the places told, each behind the one before."""
    file = yaml.dump({"k": {"a": text}}, default_style=style, width=width, allow_unicode=True)
    (document,) = read_documents(file.encode(), "x.yaml")
    said = written(document, "k", "a")
    assert said is not None
    assert said.text == text
    lines = file.split("\n")

    found = [(sign, said.at(offset)) for offset, sign in enumerate(text) if not sign.isspace()]

    for sign, at in found:
        assert lines[at.line - 1][at.column - 1] in (sign, "\\"), (file, sign, at)
    places = [(at.line, at.column) for _, at in found]
    assert places == sorted(set(places))
