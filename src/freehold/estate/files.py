"""Which files of a folder belong to the estate: found by walking it once, told apart by name and by what they say."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from freehold.estate.document import Document
from freehold.estate.schemas import CONTRACT_VERSIONS, ENVELOPED, KINDS, OURS, PRODUCT_VERSIONS
from freehold.foundation import Exit, FreeholdError, Where, near

ESTATE_FILE = "estate.yaml"
MODEL_LANGUAGES = {".sql": "sql", ".py": "python"}
_NOT_OURS = frozenset({"models", "seeds", "tests", "data", "landing", "node_modules"})
_YAML = (".yaml", ".yml")
_MARKDOWN = ("decisions", "documents")  # the folders whose Markdown may be ours
_STANDARD_NAMES = {f".{s}{y}": k for s, k in (("odcs", "DataContract"), ("odps", "DataProduct")) for y in _YAML}
_SIGN_OF_OURS = re.compile(
    rb"""^[{ "']*(?:apiVersion["']?:\s*["']?(?:freehold\.|openslo/)|kind["']?:\s*["']?Data(?:Contract|Product)\b)""",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may belong to the estate, with what tells whether it has changed."""

    path: str  # relative to the estate, with `/`
    size: int
    mtime_ns: int


@dataclass(slots=True)
class Survey:
    """All files of a folder that an estate may be made of."""

    documents: list[Found] = field(default_factory=list)  # YAML, and decisions and documents in Markdown
    models: dict[str, list[Found]] = field(default_factory=dict)  # by the folder that holds models/ and seeds/


def find_estate(start: Path | str | None = None) -> Path:
    """Return the nearest folder at or above `start` (by default the working folder) that holds an estate.yaml.

    Raises:
        FreeholdError: FH-V001 there is none.
    """
    here = Path(start or ".").resolve()
    for folder in (here, *here.parents):
        if (folder / ESTATE_FILE).is_file():
            return folder
    raise FreeholdError(
        "FH-V001",
        f"No {ESTATE_FILE} in `{here}` or the folders above it.",
        fix="Start an estate with `freehold init`, or name one with `-C DIR`.",
        exit_code=Exit.USAGE,
    )


def survey(root: Path) -> Survey:
    """Walk an estate and list its files, in the order of their paths. Links to folders are not followed."""
    found = Survey()
    _walk(root, "", found)
    found.documents.sort(key=lambda f: f.path)
    return found


def files_of(root: Path) -> dict[str, bytes]:
    """Return the content of every file an estate is made of, by path: enough to load it again somewhere else."""
    there = survey(root)
    found = [*there.documents, *(model for models in there.models.values() for model in models)]
    return {f.path: (root / f.path).read_bytes() for f in sorted(found, key=lambda f: f.path)}


def kind_named(path: str) -> str | None:
    """Return the kind that the name of a file promises, if it promises one."""
    name = path.rpartition("/")[2]
    if name == ESTATE_FILE:
        return "Estate" if path == ESTATE_FILE else None
    for ending, kind in _STANDARD_NAMES.items():
        if name.endswith(ending):
            return kind
    folders = path.split("/")[:-1]
    if folders and folders[-1] == "metrics":
        return "SemanticModel"
    return "DataContract" if "contracts" in folders else None


def is_decision(path: str) -> bool:
    """Whether a file is a decision: Markdown in a folder named decisions."""
    return path.endswith(".md") and path.split("/")[-2:-1] == ["decisions"]


def decision_id(document: Document) -> str:
    """Return the id of a decision: what its front matter says, or the name of its file without the ending."""
    said = document.value.get("id")
    return str(said) if said is not None else document.path.rpartition("/")[2].removesuffix(".md")


def looks_like_ours(content: bytes) -> bool:
    """Whether bytes that could not be read as YAML were meant to be a file of ours; also those saved as UTF-16."""
    if b"\0" in content[:64]:
        content = content.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").replace(b"\0", b"")
    return _SIGN_OF_OURS.search(content) is not None


def kind_of(document: Document) -> str | None:
    """Return the kind of a document, or None when it belongs to somebody else.

    Raises:
        FreeholdError: FH-V010 it is no mapping; FH-V011 the kind is missing or unknown; FH-V012 the version is.
    """
    promised = kind_named(document.path)
    said = document.value
    if isinstance(said, dict) and (promised == "SemanticModel" or "semantic_model" in said):
        return _kind_of_model(said)
    if not isinstance(said, dict):
        if promised is None:
            return None
        raise FreeholdError(
            "FH-V010", "The document is no mapping of keys to values.", where=document.where(),
            fix=f"Start it with apiVersion and kind: {promised}.",
        )  # fmt: skip
    kind, version = said.get("kind"), said.get("apiVersion")
    if isinstance(version, str) and version.startswith("freehold."):
        return _kind_of_ours(document, kind, version)
    if kind in ("DataContract", "DataProduct"):
        return str(kind)
    if kind == "SLO" and isinstance(version, str) and version.startswith("openslo/"):
        return kind if _is_of_our_evidence(said) else None
    if promised is None and not (isinstance(kind, str) and near(kind, ("DataContract", "DataProduct"), most=1)):
        return None
    raise _unknown_kind(document, kind, promised)


def _is_of_our_evidence(said: dict[str, object]) -> bool:
    """Whether an SLO names an indicator: those that bring a query of their own are for other tools."""
    spec = said.get("spec")
    return isinstance(spec, dict) and "indicatorRef" in spec


def _kind_of_model(said: dict[str, object]) -> str | None:
    """Return the kind of a document in a folder named metrics, or of one in Ossie's form; dbt's own are not ours."""
    return None if "semantic_models" in said or "models" in said or said.get("version") == 2 else "SemanticModel"


def _kind_of_ours(document: Document, kind: object, version: str) -> str:
    if version != OURS:
        raise FreeholdError(
            "FH-V012", f"`{version}` is no version this Freehold reads.", where=document.where("apiVersion"),
            fix=f"Write `{OURS}`, or use a Freehold that knows it.",
        )  # fmt: skip
    if kind not in ENVELOPED:
        raise _unknown_kind(document, kind, None)
    return str(kind)


def _unknown_kind(document: Document, kind: object, promised: str | None) -> FreeholdError:
    known = [promised] if promised and promised != "Estate" else [*ENVELOPED, "DataContract", "DataProduct"]
    problem = f"There is no kind `{kind}` here." if "kind" in document.value else "The document has no `kind`."
    if not isinstance(kind, str | None):
        problem, kind = "`kind` is no word.", None
    if kind == "Decision":
        fix = "Write it in Markdown, in a folder named decisions."
    elif kind in KINDS:
        versions = {"DataContract": CONTRACT_VERSIONS[0], "DataProduct": PRODUCT_VERSIONS[0]}
        fix = f"A {kind} is written with `apiVersion: {versions.get(kind, OURS)}`."
    else:
        fix = near(kind, known) if kind else ""
        fix = fix or (f"Write `kind: {known[0]}`." if len(known) == 1 else f"Use one of: {', '.join(known)}.")
    return FreeholdError("FH-V011", problem, where=document.where("kind"), fix=fix)


def _walk(root: Path, folder: str, found: Survey) -> None:
    for entry in _entries(root, folder):
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name in ("models", "seeds"):
                found.models.setdefault(folder, []).extend(_models(root, path))
            elif not entry.name.startswith(".") and entry.name not in _NOT_OURS:
                _walk(root, path, found)
        elif _is_document(entry.name, folder) and _is_file(entry):
            found.documents.append(_found(entry, path))


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a file, or leads to one; what leads to itself leads nowhere."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _is_document(name: str, folder: str) -> bool:
    if name.endswith(_YAML):
        return not name.startswith(".")
    return name.endswith(".md") and folder.rpartition("/")[2] in _MARKDOWN


def _models(root: Path, folder: str) -> Iterator[Found]:
    wanted = (".csv",) if folder.endswith("seeds") else tuple(MODEL_LANGUAGES)
    for entry in _entries(root, folder):
        if entry.name.endswith(wanted) and not entry.name.startswith(("_", ".")) and entry.is_file():
            yield _found(entry, f"{folder}/{entry.name}")


def _found(entry: os.DirEntry[str], path: str) -> Found:
    if not path.isascii():
        _refuse_unprintable(path)
    stat = entry.stat()
    return Found(path, stat.st_size, stat.st_mtime_ns)


def _refuse_unprintable(path: str) -> None:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError as error:
        shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        raise FreeholdError(
            "FH-V002", "The name of the file is not UTF-8.", where=Where(shown), fix="Rename it.",
            exit_code=Exit.ENVIRONMENT,
        ) from error  # fmt: skip


def _entries(root: Path, folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(root / folder) as entries:
            return sorted(entries, key=lambda e: e.name)
    except OSError as error:
        raise FreeholdError(
            "FH-V002", f"The folder cannot be read: {error.strerror or error}.", where=Where(folder or str(root)),
            fix="Check that it exists and that you may read it.", exit_code=Exit.ENVIRONMENT,
        ) from error  # fmt: skip
