"""From a name or a question to words that can be compared: one rule for what is indexed and for what is asked.

`OrderLines`, `order_lines`, `order-line` and `sales.orderLines` share their words. Camel case is split before case is
folded, plurals meet their singular, accents are let go, and a name that is nothing but stop words keeps them all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

LONGEST = 64  # characters of a word; what is longer is no word anybody types
MOST_WORDS = 12  # of a question
STOP = frozenset((
    "a", "an", "and", "by", "for", "from", "in", "is", "of", "on", "or", "the", "to", "what", "where", "which", "with",
))  # fmt: skip
_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d_])(?=\d{2,})")
_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_LETTERS_OF_ONE = re.compile(r"[぀-ヿ㐀-鿿가-힯]")  # written without spaces: each sign is a word


def folded(text: str) -> str:
    """Return a text as names are compared: one spelling of each sign, no case, single spaces."""
    return " ".join(_one_spelling(text).casefold().split())


@lru_cache(maxsize=262_144)
def words(text: str) -> tuple[str, ...]:
    """Return the words of a name, in order, each as it is compared."""
    parts = (part for found in _WORD.findall(_BORDER.sub(" ", _one_spelling(text))) for part in _apart(found))
    return tuple(singular(_bare(part))[:LONGEST] for part in parts)


def asked(question: str) -> tuple[str, ...]:
    """Return the words of a question that count, each once: stop words are left out, unless it has no others."""
    found = dict.fromkeys(words(question[:1_000]))
    return tuple(w for w in found if w not in STOP)[:MOST_WORDS] or tuple(found)[:MOST_WORDS]


def text_of(names: Iterable[str]) -> str:
    """Return the words of several names as one text, for a tokenizer that parts at spaces."""
    return " ".join(word for name in names for word in words(name))


def singular(word: str) -> str:
    """Return the singular of an English plural, roughly; what is no plural, or too short to tell, stays."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _one_spelling(text: str) -> str:
    """Return a text with one spelling of each sign; halves of signs, which a terminal may hand on, become `?`."""
    return unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode())


def _bare(word: str) -> str:
    """Return a word without case and accents."""
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign)) or word


def _apart(word: str) -> Iterable[str]:
    return _LETTERS_OF_ONE.sub(r" \g<0> ", word).split()
