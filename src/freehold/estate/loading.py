"""From a folder to an `Estate`: find the files, read and judge each, judge them together, then hand out values.

All errors of all files are raised at once and nothing is half-loaded. Values (a `Contract`, a `Product`) are built when
they are asked for, from the content that was judged: an estate of ten thousand files costs what is used of it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from freehold.estate import kinds
from freehold.estate.asserted import Assessment, assessment_from, rotations_from
from freehold.estate.cache import Entry, digest_of, recall, remember
from freehold.estate.contracts import contract_from
from freehold.estate.declared import Declaration, claimed_by, declared_by
from freehold.estate.document import Document
from freehold.estate.files import (
    ESTATE_FILE,
    MODEL_LANGUAGES,
    Found,
    Survey,
    is_decision,
    kind_named,
    kind_of,
    looks_like_ours,
    survey,
)
from freehold.estate.findings import findings
from freehold.estate.model import Calendar, Contract, DbtProject, Estate, ModelFile, Product, Resource, Team
from freehold.estate.operating import (
    DataPolicy,
    RuleSet,
    Waiver,
    Workflow,
    policy_from,
    rule_set_from,
    waiver_from,
    workflow_from,
)
from freehold.estate.references import Declared, joined, reference_errors
from freehold.foundation import Exit, FreeholdError, Problems, Where
from freehold.foundation.memory import collector_at_rest

T = TypeVar("T")
_FRONT = re.compile(r"\A---[ \t]*\r?\n(?P<front>.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_LEADS_NOWHERE = ("FH-V202", "FH-V203", "FH-V204")
_SNIFF = 65_536  # bytes of a file too large to read, to see whether it was meant for us


class Unread(Mapping[str, T], Generic[T]):
    """A mapping whose values are made the first time they are asked for."""

    def __init__(self, makers: Mapping[str, Callable[[], T]]) -> None:
        self._makers = makers
        self._made: dict[str, T] = {}

    def __getitem__(self, key: str) -> T:
        if key not in self._made:
            self._made[key] = self._makers[key]()
        return self._made[key]

    def __contains__(self, key: object) -> bool:
        return key in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self._makers))}}}"


def load_estate(root: Path | str, *, cache: bool = True) -> Estate:
    """Read, judge and resolve all files of an estate.

    Args:
        root: the folder that holds estate.yaml; see `find_estate`.
        cache: use and keep `.freehold/cache`; the outcome is the same without.

    Raises:
        Problems: all errors of all files, FH-V001 to FH-V299, in the order of their places.
    """
    root = Path(root).resolve()
    if not (root / ESTATE_FILE).is_file():
        raise FreeholdError(
            "FH-V001", f"`{root}` holds no {ESTATE_FILE}.", exit_code=Exit.USAGE,
            fix="Start an estate with `freehold init`, or name one with `-C DIR`.",
        )  # fmt: skip
    with collector_at_rest():
        return _loaded(root, use_cache=cache)


def _loaded(root: Path, *, use_cache: bool) -> Estate:
    found = survey(root)
    judged = _judged(root, found, use_cache=use_cache)
    errors = judged.errors
    declared = Declared.gather(judged.declarations())
    estates = [(path, d) for path, d in declared.all if d.kind == "Estate"]
    errors += _estate_errors(estates, errors)
    models = _models(root, found, declared, errors)
    unreadable = any(e.code < "FH-V100" for e in _flat(errors))
    for error in reference_errors(declared, settings=_settings(estates)):
        # A file that could not be read may declare what others refer to: that is judged when it can.
        if not (unreadable and error.code in _LEADS_NOWHERE):
            errors.append(error)
    if errors:
        raise Problems(_flat(errors))
    return _estate(root, judged.entries, models, findings(declared, models))


@dataclass(frozen=True, slots=True)
class _Judged:
    """The valid files, what is wrong with the others, and the ids that those claim."""

    entries: list[Entry]
    errors: list[FreeholdError]
    claims: list[tuple[str, Declaration]]

    def declarations(self) -> Iterator[tuple[str, Declaration]]:
        for entry in self.entries:
            for one in entry.declarations:
                yield entry.found.path, one
        yield from self.claims


def _judged(root: Path, found: Survey, *, use_cache: bool) -> _Judged:
    known = recall(root) if use_cache else {}
    judged, changed = _Judged([], [], []), False
    for file in found.documents:
        entry = known.get(file.path)
        if entry is None or not entry.still_holds(file):
            changed = True
            try:
                entry = _read(root, file, entry)
            except FreeholdError as error:
                judged.errors.append(error)
                judged.claims.extend((file.path, one) for one in _claims(root, file))
                continue
        judged.entries.append(entry)
    if use_cache and (changed or len(judged.entries) != len(known)):
        remember(root, judged.entries)
    return judged


def _claims(root: Path, file: Found) -> list[Declaration]:
    """Return the ids that a refused file claims, as far as it can be read at all."""
    from freehold.estate.reading import read_file

    claims: list[Declaration] = []
    with suppress(FreeholdError):  # it has been told why
        for document in documents_of(read_file(root, file.path), file.path):
            with suppress(FreeholdError):
                kind = kind_of(document)
                claims += claimed_by(document, kind) if kind else []
    return claims


def _read(root: Path, file: Found, known: Entry | None) -> Entry:
    """Read and judge one file."""
    from freehold.estate.reading import LARGEST_FILE, read_file, too_large

    seen_ns = time.time_ns()
    if file.size > LARGEST_FILE:
        if _meant_for_us(root, file.path):
            raise too_large(file.path, file.size)
        return Entry(file, seen_ns, "", (), b"")
    content = read_file(root, file.path)
    digest = digest_of(content)
    if known is not None and known.digest == digest:
        return Entry(file, seen_ns, digest, known.declarations, known.content)
    judged = judge(content, file.path)
    kept = content if judged else b""
    return Entry(file, seen_ns, digest, tuple(declared_by(document, kind) for document, kind in judged), kept)


def judge(content: bytes, path: str) -> list[tuple[Document, str]]:
    """Return the documents of a file that belong to an estate, each with its kind.

    Raises:
        FreeholdError: what is wrong with the file; Problems for several errors.
    """
    from freehold.estate.inspecting import document_errors

    try:
        documents = documents_of(content, path)
    except FreeholdError:
        if kind_named(path) is None and not is_decision(path) and not looks_like_ours(content):
            return []  # somebody else's file, in somebody else's dialect
        raise
    errors: list[FreeholdError] = []
    judged = []
    for document in documents:
        try:
            kind = "Decision" if is_decision(path) else kind_of(document)
        except FreeholdError as error:
            errors.append(error)
            continue
        if kind:
            errors += document_errors(document, kind)
            judged.append((document, kind))
    if not documents and kind_named(path):
        errors.append(FreeholdError("FH-V010", "The file is empty.", where=Where(path), fix="Fill or remove it."))
    if errors:
        raise Problems(errors) if len(errors) > 1 else errors[0]
    return judged


def state_of(root: Path) -> tuple[str, dict[str, Any]]:
    """Return where an estate keeps its ledger and what else it says to reach it, whatever its other files say.

    Raises:
        FreeholdError: estate.yaml itself cannot be read, or is in error.
    """
    return kinds.state_from(_estate_document(root))


def server_of(root: Path) -> dict[str, Any]:
    """Return what an estate says of its server, whatever its other files say.

    Raises:
        FreeholdError: estate.yaml itself cannot be read, or is in error.
    """
    return dict(_estate_document(root).value["spec"].get("server") or {})


def dbt_of(root: Path) -> tuple[DbtProject, ...]:
    """Return the dbt projects an estate names, whatever its other files say.

    Raises:
        FreeholdError: estate.yaml itself cannot be read, or is in error.
    """
    return kinds.dbt_from(_estate_document(root))


def _estate_document(root: Path) -> Document:
    documents = judge((root / ESTATE_FILE).read_bytes(), ESTATE_FILE)
    estate = next((document for document, kind in documents if kind == "Estate"), None)
    if estate is None:
        raise FreeholdError(
            "FH-V001", f"{ESTATE_FILE} holds no Estate.", where=Where(ESTATE_FILE), fix="See `freehold schema Estate`."
        )
    return estate


def documents_of(content: bytes, path: str) -> tuple[Document, ...]:
    """Return the YAML documents of a file; of Markdown, its front matter."""
    from freehold.estate.reading import decoded, read_documents

    if not path.endswith(".md"):
        return read_documents(content, path)
    if not content.removeprefix(b"\xef\xbb\xbf").startswith(b"---"):
        return ()  # a page among others, or a decision of another custom
    front = _FRONT.match(decoded(content, path))
    if front is None:
        raise FreeholdError(
            "FH-V014", "The front matter has no end.", where=Where(path, 1, 1),
            fix="Close it with a line `---`.",
        )  # fmt: skip
    # The dashes stay, so that lines count as in the file.
    documents = read_documents(b"---\n" + front["front"].encode(), path)[:1]
    ours = {"id", "status"} if is_decision(path) else {"apiVersion"}
    return tuple(d for d in documents if isinstance(d.value, dict) and ours & d.value.keys())


def text_below(content: bytes) -> str:
    """Return the text under the front matter, as far down as it stands in its file, so that lines count as there."""
    text = content.decode("utf-8-sig")
    front = _FRONT.match(text)
    return "\n" * front[0].count("\n") + text[front.end() :] if front else text


def _meant_for_us(root: Path, path: str) -> bool:
    if kind_named(path):
        return True
    with (root / path).open("rb") as file:
        return looks_like_ours(file.read(_SNIFF))


def _estate_errors(estates: list[tuple[str, Declaration]], errors: list[FreeholdError]) -> list[FreeholdError]:
    if not estates and not any(e.where and e.where.path == ESTATE_FILE for e in _flat(errors)):
        return [FreeholdError("FH-V208", "No document of kind Estate.", where=Where(ESTATE_FILE),
                              fix="Write one in estate.yaml; see `freehold schema Estate`.")]  # fmt: skip
    return [
        FreeholdError(
            "FH-V208", f"A second Estate, `{one.id}`; the first is in {estates[0][0]}:{estates[0][1].line}.",
            where=Where(path, one.line, one.column), fix="Keep one.",
        )
        for path, one in estates[1:]
    ]  # fmt: skip


def _settings(estates: list[tuple[str, Declaration]]) -> dict[str, list[str]]:
    extra = estates[0][1].extra if estates else {}
    return {"connection": extra.get("connections", []), "environment": list(extra.get("environments", {}))}


def _models(root: Path, found: Survey, declared: Declared, errors: list[FreeholdError]) -> dict[str, ModelFile]:
    """Read the files that build assets, each with the product whose folder it lies in."""
    from freehold.estate.building import model_files

    owners: dict[str, list[tuple[str, Declaration]]] = {}
    for path, one in declared.all:
        if one.kind == "DataProduct":
            owners.setdefault(path.rpartition("/")[0], []).append((path, one))
    models, wrong = model_files(root, found.models, owners)
    errors += wrong
    return models


def _flat(errors: list[FreeholdError]) -> list[FreeholdError]:
    flat: list[FreeholdError] = []
    for error in errors:
        flat += error.errors if isinstance(error, Problems) else [error]
    return flat


def _digests(root: Path, models: Mapping[str, ModelFile]) -> dict[str, str]:
    """Return the digests of models by their text, and of seeds by their bytes."""
    texts = {f"Model:{asset}": digest_of(m.text.encode()) for asset, m in models.items() if m.language != "csv"}
    seeds = {asset: root / m.path for asset, m in models.items() if m.language == "csv"}
    return texts | {f"Seed:{asset}": digest_of(path.read_bytes()) for asset, path in seeds.items()}


@dataclass(slots=True)
class _Makers:
    """What makes the values of an estate, by kind and id, and what each is told apart by."""

    of: dict[str, dict[str, Callable[[], Any]]]
    resources: dict[tuple[str, str], Callable[[], Resource]]
    hashes: dict[str, str]
    estate: Document | None = None

    def typed(self, kind: str) -> dict[str, Callable[[], Any]]:
        """Return what makes the values of one kind, by id."""
        return self.of.setdefault(kind, {})


def _makers(entries: list[Entry]) -> _Makers:
    found = _Makers({}, {}, {})
    parts = [(entry, _Parsed(entry)) for entry in entries]
    contracts = _Contracts(parts)
    for entry, parsed in parts:
        for index, one in enumerate(entry.declarations):
            found.hashes[f"{one.kind}:{one.id}"] = one.digest
            if one.kind == "Estate":
                found.estate = parsed[index]
            elif one.kind == "DataContract":
                found.typed(one.kind)[one.id] = contracts.maker(parsed, index, entry.found.path)
            elif one.kind == "SemanticModel":
                found.typed(one.kind)[one.id] = _maker(_as_it_is, parsed, index)
            elif one.kind in _TYPED:
                found.typed(one.kind)[one.id] = _maker(_TYPED[one.kind], parsed, index)
            elif one.kind == "Decision":
                found.resources[one.kind, one.id] = _decision_maker(parsed)
            elif one.kind == "Document":
                found.resources[one.kind, one.id] = _document_maker(parsed)
                found.hashes[f"{one.kind}:{one.id}"] = entry.digest  # what is below the front matter counts
            elif one.kind == "SLO":
                found.resources[one.kind, one.id] = _maker(kinds.slo_from, parsed, index)
            else:
                found.resources[one.kind, one.id] = _maker(kinds.resource_from, parsed, index)
                if one.kind in _OPERATING:
                    found.typed(one.kind)[one.id] = _maker(_OPERATING[one.kind], parsed, index)
    return found


def _estate(root: Path, entries: list[Entry], models: dict[str, ModelFile], found: tuple[FreeholdError, ...]) -> Estate:
    makers = _makers(entries)
    estate = makers.estate
    assert estate is not None, "an estate without Estate has been refused"
    said = estate.value
    state_url, state_settings = kinds.state_from(estate)
    return Estate(
        id=said["metadata"]["id"],
        root=root,
        name=said["metadata"].get("name", said["metadata"]["id"]),
        state_url=state_url,
        state_settings=state_settings,
        state_where=estate.where_key("spec", "state") if "state" in said["spec"] else None,
        connections=kinds.connections_from(estate),
        environments=kinds.environments_from(estate),
        defaults=kinds.defaults_from(estate),
        reviews=dict(said["spec"].get("reviews", {})),
        access={action: tuple(whom) for action, whom in said["spec"].get("access", {}).items()},
        dbt=kinds.dbt_from(estate),
        products=Unread[Product](makers.typed("DataProduct")),
        contracts=Unread[Contract](makers.typed("DataContract")),
        models=models,
        teams=Unread[Team](makers.typed("Team")),
        calendars=Unread[Calendar](makers.typed("Calendar")),
        resources=Unread(makers.resources),  # type: ignore[arg-type]
        hashes=makers.hashes | _digests(root, models),
        findings=found,
        semantic_models=Unread[Document](makers.typed("SemanticModel")),
        rule_sets=Unread[RuleSet](makers.typed("RuleSet")),
        waivers=Unread[Waiver](makers.typed("Waiver")),
        assessments=Unread[Assessment](makers.typed("Assessment")),
        secrets=rotations_from(estate),
        workflows=Unread[Workflow](makers.typed("Workflow")),
        policies=Unread[DataPolicy](makers.typed("DataPolicy")),
        dashboards=kinds.dashboards_from(estate),
    )


_TYPED: dict[str, Callable[[Document], Any]] = {
    "DataProduct": kinds.product_from,
    "Team": kinds.team_from,
    "Calendar": kinds.calendar_from,
}
_OPERATING: dict[str, Callable[[Document], Any]] = {
    "RuleSet": rule_set_from,
    "Waiver": waiver_from,
    "Assessment": assessment_from,
    "Workflow": workflow_from,
    "DataPolicy": policy_from,
}


class _Parsed:
    """The documents of a file's content, parsed when first asked for."""

    __slots__ = ("_documents", "_entry")

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._documents: list[Document] | None = None

    def __getitem__(self, index: int) -> Document:
        """Return a document of ours by its number among those."""
        if self._documents is None:
            path = self._entry.found.path
            everything = documents_of(self._entry.content, path)
            self._documents = [d for d in everything if is_decision(path) or kind_of(d)]
        return self._documents[index]

    def text_below(self) -> str:
        """Return the text under the front matter, where it stands in its file."""
        return text_below(self._entry.content)


class _Contracts:
    """Finds the contracts that another one refers to, by id or by file, without building them."""

    def __init__(self, parts: list[tuple[Entry, _Parsed]]) -> None:
        self._parts = parts
        self._found: dict[str, tuple[_Parsed, int]] = {}

    def maker(self, parsed: _Parsed, index: int, path: str) -> Callable[[], Contract]:
        """Return the function that builds one contract of the file at `path`."""
        folder = path.rpartition("/")[0]
        return lambda: contract_from(parsed[index], lambda named: self._named(named, folder))

    def _named(self, named: str, folder: str) -> Mapping[str, Any] | None:
        if not self._found:  # most estates never ask
            for entry, parsed in self._parts:
                for index, one in enumerate(entry.declarations):
                    if one.kind == "DataContract":
                        self._found.setdefault(entry.found.path, (parsed, index))
                        self._found[one.id] = (parsed, index)
        keys = (named, joined(folder, named), joined("", named))
        found = next((self._found[key] for key in keys if key in self._found), None)
        return found[0][found[1]].value if found else None


def _maker(build: Callable[[Document], T], parsed: _Parsed, index: int) -> Callable[[], T]:
    return lambda: build(parsed[index])


def _as_it_is(document: Document) -> Document:
    return document


def _decision_maker(parsed: _Parsed) -> Callable[[], Resource]:
    return lambda: kinds.decision_from(parsed[0], parsed.text_below().lstrip("\n"))


def _document_maker(parsed: _Parsed) -> Callable[[], Resource]:
    return lambda: kinds.written_from(parsed[0], parsed.text_below())


__all__ = ["MODEL_LANGUAGES", "Unread", "documents_of", "judge", "load_estate", "text_below"]
