"""The files that build assets: `models/*.sql`, `models/*.py` and `seeds/*.csv` beside a product's file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from freehold.estate.declared import Declaration
from freehold.estate.files import MODEL_LANGUAGES, Found
from freehold.estate.inspecting import asset_name_error
from freehold.estate.model import ModelFile
from freehold.foundation import FreeholdError, Where

Owners = Mapping[str, list[tuple[str, Declaration]]]


def model_files(
    root: Path, found: Mapping[str, list[Found]], owners: Owners
) -> tuple[dict[str, ModelFile], list[FreeholdError]]:
    """Return the model files by asset id, and what is wrong with them.

    Args:
        root: the folder of the estate.
        found: the files under `models/` and `seeds/`, by the folder that holds both.
        owners: the products by the folder of their file. Models outside of any such folder are not ours.
    """
    models: dict[str, ModelFile] = {}
    errors: list[FreeholdError] = []
    for folder, files in found.items():
        if folder not in owners or not files:
            continue
        (path, product), *others = owners[folder]
        if others:
            other = others[0]
            errors.append(
                _shared(
                    folder, Where(path, product.line, product.column), Where(other[0], other[1].line, other[1].column)
                )
            )
            continue
        for file in files:
            errors += _add(root, file, product.id, models)
    return models, errors


def _add(root: Path, file: Found, product: str, models: dict[str, ModelFile]) -> Iterator[FreeholdError]:
    from freehold.estate.reading import decoded, read_file

    name = PurePosixPath(file.path)
    wrong = asset_name_error(name.stem)
    asset = f"{product}.{name.stem}"
    if wrong:
        yield FreeholdError("FH-V111", wrong, where=Where(file.path), fix="Rename the file.")
    elif asset in models:
        yield FreeholdError(
            "FH-V209", f"Two files build `{asset}`; the other is {models[asset].path}.", where=Where(file.path),
            fix="Keep one.",
        )  # fmt: skip
    else:
        language = MODEL_LANGUAGES.get(name.suffix, "csv")
        try:
            text = "" if language == "csv" else decoded(read_file(root, file.path), file.path)
        except FreeholdError as error:
            yield error
            return
        models[asset] = ModelFile(asset, product, file.path, language, text)


def _shared(folder: str, first: Where, second: Where) -> FreeholdError:
    return FreeholdError(
        "FH-V210", f"Two products share the models of `{folder or '.'}`; the other is at {first}.", where=second,
        fix="Give each product a folder of its own.",
    )  # fmt: skip
