"""Semantic models of Apache Ossie taken into an estate: as files in the short form, with nothing of them lost unsaid.

What our own extension holds stands beside the standard's keys again. What other vendors add, and what tools with a
language model are told, is kept word for word. An expression that is told in several dialects is taken in one: the
others are named. Written to Ossie again, the document is the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.estate.document import Document
from freehold.estate.explaining import schema_errors
from freehold.estate.reading import read_documents
from freehold.estate.writing import inline
from freehold.foundation import Exit, FreeholdError, Problems
from freehold.metrics.model import Model
from freehold.metrics.ossie import VERSION
from freehold.metrics.reading import models_of
from freehold.metrics.widening import VENDOR, ends_of, widened

_LATER = ("ai_context", "custom_extensions", "expression", "dimension", "name")


@dataclass(frozen=True, slots=True)
class Taken:
    """One model as a file.

    Attributes:
        text: the file, in the short form.
        assets: the assets that its datasets read, by dataset; the others read tables by the names of the warehouse.
        left: what of it was not taken, in words.
    """

    model: Model
    text: str
    assets: Mapping[str, str]
    left: tuple[str, ...]


def taken_in(documents: Sequence[Document], asset: Callable[[str], str | None] = lambda _: None) -> tuple[Taken, ...]:
    """Return the models of a file of Ossie, each as a file of its own.

    Args:
        documents: what the file holds.
        asset: gives the asset that a source is, by the source's name in the file, where there is one.

    Raises:
        FreeholdError: FH-N416 the file holds no semantic model.
        Problems: all that is wrong in it, each with its place.
    """
    held = [document for document in documents if _is_ossie(document.value)]
    if not held:
        raise _no_model(documents)
    errors = [error for document in held for error in schema_errors(document, "SemanticModel")]
    if errors:
        raise Problems(errors)
    return tuple(one for document in held for one in _of(document, asset))


def _is_ossie(said: object) -> bool:
    return isinstance(said, Mapping) and isinstance(said.get("semantic_model"), list)


def _no_model(documents: Sequence[Document]) -> FreeholdError:
    where = documents[0].where() if documents else None
    said = documents[0].value if documents else None
    held = ", ".join(f"`{key}`" for key in list(said)[:6]) if isinstance(said, Mapping) else "nothing of the kind"
    if isinstance(said, Mapping) and "semantic_model" in said:
        held = f"`semantic_model`, which is no list: `{said['semantic_model']}`"
    return FreeholdError(
        "FH-N416", f"The file holds no semantic model of Apache Ossie: it has {held}.", where=where,
        fix="Name a file with `version` and `semantic_model`; of an ontology there are no metrics to take.",
        exit_code=Exit.USAGE,
    )  # fmt: skip


def _of(document: Document, asset: Callable[[str], str | None]) -> Iterator[Taken]:
    models = models_of(document)
    for model, said in zip(models, document.value["semantic_model"], strict=True):
        assets = {name: found for name, d in model.datasets.items() if (found := asset(d.source)) is not None}
        text = _file(_without_rollups(said), assets, document.value)
        yield Taken(model, text, assets, tuple(dict.fromkeys(_left(said))))


def _file(said: Mapping[str, Any], assets: Mapping[str, str], whole: Mapping[str, Any]) -> str:
    """Return the file in the short form, or, where its names have no place there, in that of the standard."""
    text = _text(said, assets)
    (document,) = read_documents(text.encode(), "metrics.yaml")
    if not schema_errors(document, "SemanticModel"):
        return text
    datasets = [{**d, "source": assets.get(d["name"], d["source"])} for d in said["datasets"]]
    version, model = inline(whole.get("version", VERSION)), inline({**said, "datasets": datasets})
    return f"version: {version}\nsemantic_model:\n  - {model}\n"


def _without_rollups(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a model without what the estate it comes from keeps of it: no run of ours builds what it reads here."""
    if "rollups" not in _of_ours(said):
        return said
    ours = {key: value for key, value in _of_ours(said).items() if key != "rollups"}
    others = [one for one in said["custom_extensions"] if one["vendor_name"] != VENDOR]
    kept = [*others, {"vendor_name": VENDOR, "data": json.dumps(ours, ensure_ascii=False)}] if ours else others
    return {
        **{k: v for k, v in said.items() if k != "custom_extensions"},
        **({"custom_extensions": kept} if kept else {}),
    }


def _text(said: Mapping[str, Any], assets: Mapping[str, str]) -> str:
    """Return the file: one line for each field, relationship and metric."""
    opened = widened(said)
    lines = [f"name: {inline(opened['name'])}"]
    lines += [f"{key}: {inline(opened[key])}" for key in ("description", "timezone", "calendar") if key in opened]
    lines += [f"{key}: {inline(value)}" for key, value in _kept(said).items()]
    lines.append("datasets:")
    for one in opened["datasets"]:
        lines += _dataset_lines(one, assets)
    joins = [f"  - {inline(_join(one))}" for one in opened.get("relationships", ())]
    metrics = [f"  {inline(str(one['name']))}: {inline(_plain(one))}" for one in opened.get("metrics", ())]
    lines += ["relationships:", *joins] if joins else []
    lines += ["metrics:", *metrics] if metrics else []
    return "\n".join(lines) + "\n"


def _dataset_lines(said: Mapping[str, Any], assets: Mapping[str, str]) -> Iterator[str]:
    dataset = {key: value for key, value in widened(said).items() if key not in (*_LATER, "fields", "synonyms")}
    if said["name"] in assets:
        dataset["source"] = assets[said["name"]]
        dataset.pop("from_contract", None)  # it was another contract
    yield f"  {inline(str(said['name']))}:"
    yield from (f"    {key}: {inline(value)}" for key, value in (dataset | _called(said)).items())
    fields = said.get("fields") or ()
    if fields:
        yield "    fields:"
    for one in fields:
        inner = _plain(one)
        if inner.get("expression") == one["name"]:
            del inner["expression"]
        yield f"      {inline(str(one['name']))}: {inline(inner) if inner else ''}".rstrip()


def _plain(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a field or a metric in the words of the short form."""
    opened = widened(said)
    ours = [key for key in _of_ours(said) if key in opened]  # in their order: the extension is the same again
    first = {"expression": opened["expression"]} if "expression" in opened and "expression" not in ours else {}
    words = first | {key: opened[key] for key in (*(k for k in opened if k not in ours), *ours)}
    left_out = tuple(key for key in (*_LATER, "synonyms") if key != "expression")
    return {key: value for key, value in words.items() if key not in left_out} | _called(said)


def _of_ours(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what our extension holds."""
    return {
        key: value
        for one in said.get("custom_extensions", ())
        if one["vendor_name"] == VENDOR
        for key, value in json.loads(one["data"]).items()
    }


def _kept(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept word for word."""
    others = [one for one in said.get("custom_extensions", ()) if one["vendor_name"] != VENDOR]
    found = {"ai_context": said["ai_context"]} if said.get("ai_context") is not None else {}
    return found | ({"custom_extensions": others} if others else {})


def _called(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a dataset, a field or a metric; a context of nothing but synonyms is told as those."""
    kept, opened = _kept(said), widened(said)
    context = kept.get("ai_context")
    if isinstance(context, Mapping) and set(context) == {"synonyms"}:
        del kept["ai_context"]
        return {"synonyms": context["synonyms"]} | kept
    return ({"synonyms": opened["synonyms"]} if context is None and "synonyms" in opened else {}) | kept


def _join(said: Mapping[str, Any]) -> dict[str, Any]:
    (source, columns), (target, targets) = ends_of(said)
    ends = {
        "from": [f"{source}.{c}" for c in columns],
        "to": [f"{target}.{c}" for c in targets],
    }
    found = {key: ends_[0] if len(ends_) == 1 else ends_ for key, ends_ in ends.items()}
    return ({"name": said["name"]} if "name" in said else {}) | found | _kept(said)


def _left(said: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is not taken: expressions in the words of other engines, rollups of tables that others build."""
    yield from (f"the rollup `{name}`, since no run builds what it reads" for name in _of_ours(said).get("rollups", ()))
    fields = ((f"the field `{d['name']}.{f['name']}`", f) for d in said["datasets"] for f in d.get("fields", ()))
    metrics = ((f"the metric `{m['name']}`", m) for m in said.get("metrics", ()))
    for what, one in (*fields, *metrics):
        spoken: Iterable[Mapping[str, str]] = one["expression"]["dialects"]
        taken = widened(one)["expression"]
        names = [d["dialect"] for d in spoken]
        chosen = "ANSI_SQL" if "ANSI_SQL" in names else names[0]
        for other in names:
            if other != chosen:
                yield f"{what} as {other} has it; `{taken}` was taken"
