"""What people say of an estate that no event can tell: answers of an assessment, and how old secrets are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from freehold.estate.document import Document
from freehold.foundation import Where

_DAYS = {"d": 1, "w": 7, "y": 365}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person says is so of the estate, up to and including the day it expires."""

    question: str
    holds: bool
    by: str
    expires: date
    where: Where
    why: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """Answers to what no file and no event can tell."""

    id: str
    where: Where
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Rotation:
    """How often a secret is changed, and when it last was: only its reference is known."""

    reference: str
    every: timedelta
    rotated_on: date
    where: Where


def assessment_from(document: Document) -> Assessment:
    """Return the assessment a valid document holds."""
    answers = tuple(
        Answer(
            question=question,
            holds=said["answer"],
            by=said["by"],
            expires=date.fromisoformat(said["expires"]),
            where=document.where_key("spec", "answers", question),
            why=said.get("why", ""),
        )
        for question, said in document.value["spec"]["answers"].items()
    )
    return Assessment(document.value["metadata"]["id"], document.where("metadata", "id"), answers)


def rotations_from(document: Document) -> tuple[Rotation, ...]:
    """Return how often an Estate document says that secrets are changed."""
    return tuple(
        Rotation(
            reference=reference,
            every=timedelta(days=int(said["rotate_every"][:-1]) * _DAYS[said["rotate_every"][-1]]),
            rotated_on=date.fromisoformat(said["rotated_on"]),
            where=document.where_key("spec", "secrets", reference),
        )
        for reference, said in document.value["spec"].get("secrets", {}).items()
    )
