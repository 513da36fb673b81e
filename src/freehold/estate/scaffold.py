"""The files of a first estate, as text: what `freehold init` writes."""

from __future__ import annotations

import random
import re
from datetime import date, timedelta
from pathlib import Path
from string import Template

from freehold.estate.schemas import SHIPPED
from freehold.estate.writing import scalar
from freehold.foundation import Exit, FreeholdError, Where

_TEMPLATES = SHIPPED.parent / "templates" / "estate"
_FILLED = ("estate.yaml", "README.md")
_HIDDEN = {"gitignore": ".gitignore"}  # packagers and git treat a hidden file in our own tree as their own
_OURS = (".git", ".freehold")
DAYS = 7
_STATES = ("paid", "paid", "paid", "shipped", "shipped", "shipped", "shipped", "cancelled")


def scaffold(name: str, until: date) -> dict[str, str]:
    """Return the files of a small estate that runs at once, by path.

    Args:
        name: what people call it; its id is drawn from it.
        until: the day after the last day of sample data.
    """
    files = {}
    for source in sorted(_TEMPLATES.rglob("*")):
        if source.is_file():
            path = source.relative_to(_TEMPLATES).as_posix()
            text = source.read_text(encoding="utf-8")
            if path in _FILLED:
                shown = scalar(name) if path.endswith(".yaml") else name
                text = Template(text).substitute(id=id_from(name), name=shown)
            files[_HIDDEN.get(path, path)] = text
    for day in (until - timedelta(days=back) for back in range(DAYS, 0, -1)):
        files[f"landing/orders/{day}.csv"] = sample_day(day)
    return files


def id_from(name: str) -> str:
    """Return an id drawn from a name: lower case, with `-` for all that an id cannot hold."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "estate"


def sample_day(day: date) -> str:
    """Return the invented orders of one day as CSV; the same for the same day."""
    chance = random.Random(day.toordinal())
    rows = ["order_id,ordered_at,customer,amount,state"]
    for number in range(1, chance.randint(30, 60)):
        second = chance.randint(7 * 3600, 22 * 3600)
        clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        customer = f"c{chance.randint(1, 200):04}" if chance.random() < 0.85 else ""
        amount = min(chance.lognormvariate(3.4, 0.8), 5000)
        state = chance.choice(_STATES)
        rows.append(f"{day:%Y%m%d}-{number:03},{day} {clock},{customer},{amount:.2f},{state}")
    return "\n".join(rows) + "\n"


def write_new(folder: Path, files: dict[str, str]) -> None:
    """Write files into a folder that is new or empty.

    Raises:
        FreeholdError: FH-V401 the folder holds something already (nothing is written); FH-V402 it cannot be written.
    """
    try:
        # A fresh repository is as good as an empty folder, and so is one in which only our cache lies.
        if folder.exists() and (not folder.is_dir() or any(entry.name not in _OURS for entry in folder.iterdir())):
            raise FreeholdError(
                "FH-V401", f"`{folder}` is not an empty folder; nothing was written.", where=Where(str(folder)),
                fix="Name a folder that is new or empty.", exit_code=Exit.USAGE,
            )  # fmt: skip
        for path, text in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise FreeholdError(
            "FH-V402", f"`{folder}` cannot be written: {error.strerror or error}.", where=Where(str(folder)),
            fix="Check rights and free space; remove what was written before trying again.",
            exit_code=Exit.ENVIRONMENT,
        ) from error  # fmt: skip
