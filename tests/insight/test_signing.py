"""Who signs a document: whoever its file names, by the teams that are in force, and nobody else."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from freehold.estate import load_estate
from freehold.estate.model import Estate
from freehold.foundation import Caller, Exit, FreeholdError
from freehold.insight.documents import builtin_documents
from freehold.insight.documents.signing import expect_signer, signers

FREEHOLD = Path(sys.executable).with_name("freehold")
TEAMS = """apiVersion: freehold.dev/v1
kind: Team
metadata: {id: shop-data}
spec: {members: ["user:idp/ann"], roles: {owner: ["user:idp/olive"], steward: ["user:idp/sam"], pm: ["group:idp/pms"]}}
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: office}
spec: {members: ["user:idp/odd"], roles: {owner: ["user:idp/otto"], vp-data: ["user:idp/vera"]}}
---
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate as it is made, published; nobody at a shell holds a role in it."""
    folder = tmp_path_factory.mktemp("signing") / "shop"
    for words in (["init", str(folder)], ["-C", str(folder), "run"]):
        subprocess.run([str(FREEHOLD), *words], check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def law(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """An estate of two teams, one of which has a product."""
    root = tmp_path_factory.mktemp("law")
    for path in sorted(p for p in made.rglob("*") if p.is_file() and ".freehold" not in p.parts):
        (root / path.relative_to(made)).parent.mkdir(parents=True, exist_ok=True)
        (root / path.relative_to(made)).write_bytes(path.read_bytes())
    calendar = (root / "teams.yaml").read_text("utf-8").partition("---\n")[2]
    (root / "teams.yaml").write_text(TEAMS + calendar, "utf-8")
    return load_estate(root)


@pytest.mark.parametrize(
    ("owner", "product", "who"),
    [
        ("role:vp-data", "", {"user:idp/vera"}),
        ("role:pm", "shop.orders", {"group:idp/pms"}),
        ("office", "", {"user:idp/otto"}),
        ("team:office", "shop.orders", {"user:idp/otto"}),
        ("user:idp/zoe", "", {"user:idp/zoe"}),
        ("role:idp/cdo", "", {"role:idp/cdo"}),
        ("role:dataops-lead", "", {"user:idp/olive", "user:idp/otto"}),
        ("role:dataops-lead", "shop.orders", {"user:idp/olive"}),
        (None, "shop.orders", {"user:idp/olive"}),
        (None, "", {"user:idp/olive", "user:idp/otto"}),
    ],
    ids=[
        "a role of a team", "a role held by a group", "a team by its id", "a team by reference", "a person",
        "a role of the identity provider", "a role nobody holds", "a role nobody holds, of a product", "of a product",
        "of the estate",
    ],
)  # fmt: skip
def test_its_owner_signs_else_the_owner_of_what_it_is_of(
    law: Estate, owner: str | None, product: str, who: set[str]
) -> None:
    """Everybody of them is taken, and a refusal names them all."""
    file = replace(builtin_documents()["business-review"], owner=owner)

    assert signers(file, law, product) == who
    for one in who:
        expect_signer(file, law, product, Caller(one if one.startswith("user:") else "user:idp/x", (one,)))
    with pytest.raises(FreeholdError) as refused:
        expect_signer(file, law, product, Caller("user:local/ann", ("group:idp/shop-data",)))
    assert (refused.value.code, refused.value.exit_code) == ("FH-O115", Exit.APPROVAL)
    assert all(one in refused.value.fix for one in who)


def test_where_nobody_owns_anything_nobody_signs(law: Estate) -> None:
    """The refusal says where to name somebody."""
    with pytest.raises(FreeholdError, match="name an owner in the file of the team"):
        expect_signer(builtin_documents()["portfolio"], replace(law, teams={}), "", Caller("user:local/ann"))


def test_a_shell_is_no_reason_to_sign_nor_are_files_that_are_not_in_force(made: Path, tmp_path: Path) -> None:
    """Who names themselves in the files at hand is refused still, with 4 and the names, and nothing is recorded."""
    manifest = tmp_path / "release-notes-2011-01-consumer.manifest.json"
    (tmp_path / "release-notes-2011-01-consumer.narrative.yaml").write_text("summary: All is new.\n", "utf-8")

    def said(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(FREEHOLD), "-C", str(made), *words], capture_output=True, text=True, timeout=120, check=False
        )

    assert said("document", "render", "release-notes", "--period", "2011-01", "--out", str(tmp_path)).returncode == 0
    teams = made / "teams.yaml"
    teams.write_text(teams.read_text("utf-8").replace("role:idp/shop-data-owner", Caller.at_the_shell().principal))
    refused = said("document", "sign", str(manifest))

    assert refused.returncode == Exit.APPROVAL
    assert "FH-O115" in refused.stderr
    assert "Ask role:idp/shop-data-owner" in refused.stderr
    assert json.loads(said("document", "verify", str(manifest), "--json").stdout)["signed"] == []
