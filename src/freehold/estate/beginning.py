"""The first form of a file that somebody adds to an estate: one that holds as it is, and is to be changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

from freehold.estate.scaffold import id_from
from freehold.estate.schemas import SHIPPED
from freehold.estate.writing import scalar
from freehold.foundation import Exit, FreeholdError, Where

_TEMPLATES = SHIPPED.parent / "templates" / "files"
# By what people call it: the kind that files have, and the folder and the end of its name.
BEGINNINGS = {
    "workflow": ("Workflow", "workflows", ".yaml"),
    "rule": ("RuleSet", "rules", ".yaml"),
    "kpi": ("KPI", "kpis", ".yaml"),
    "document": ("Document", "documents", ".md"),
}
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Beginning:
    """A file to be added: its kind, the id of what it declares, its path in the estate, its text."""

    kind: str
    id: str
    path: str
    text: str


def beginning(word: str, name: str) -> Beginning:
    """Return the first form of a file.

    Args:
        word: one of `BEGINNINGS`.
        name: what people call it; its id is drawn from it, with `_` between the words of a workflow's.

    Raises:
        FreeholdError: FH-X508 no id can be drawn from the name, or it is too long for one.
    """
    kind, folder, end = BEGINNINGS[word]
    if not any(letter.isascii() and letter.isalnum() for letter in name) or len(name) > _LONGEST:
        raise FreeholdError(
            "FH-X508", f"No id can be made of `{name[:_LONGEST]}`; nothing was written.",
            fix=f"Give one with letters from a to z, of {_LONGEST} characters at most; `name` in the file may be any.",
            exit_code=Exit.USAGE,
        )  # fmt: skip
    id_ = id_from(name).replace("-", "_") if word == "workflow" else id_from(name)
    template = Template((_TEMPLATES / f"{word}{end}").read_text(encoding="utf-8"))
    told = " ".join(name.split())
    return Beginning(kind, id_, f"{folder}/{id_}{end}", template.substitute(id=id_, name=told, shown=scalar(told)))


def put(root: Path, file: Beginning) -> None:
    """Write the file into an estate.

    Raises:
        FreeholdError: FH-X505 there is a file at its path; FH-V402 it cannot be written.
    """
    place = root / file.path
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("x", encoding="utf-8", newline="\n") as opened:
            opened.write(file.text)
    except FileExistsError as error:
        raise FreeholdError(
            "FH-X505", f"`{file.path}` is there already; nothing was written.", where=Where(file.path),
            fix="Edit it, or give another name.", exit_code=Exit.USAGE,
        ) from error  # fmt: skip
    except OSError as error:
        raise FreeholdError(
            "FH-V402", f"`{file.path}` cannot be written: {error.strerror or error}.", where=Where(file.path),
            fix="Check rights and free space.", exit_code=Exit.ENVIRONMENT,
        ) from error  # fmt: skip
