"""`freehold access`, tokens of service accounts, and what `validate` says of both, from a terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import guarded_estate

FREEHOLD = Path(sys.executable).with_name("freehold")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The estate of four products, one of which only its team sees."""
    guarded_estate.write(tmp_path / "estate")
    file = tmp_path / "estate/lab/selenium/product.odps.yaml"
    file.write_text(guarded_estate.product_file("lab.selenium", "{see: [member], run: [owner]}"))
    return tmp_path / "estate"


def freehold(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the estate."""
    return subprocess.run([str(FREEHOLD), "-C", str(root), *words], capture_output=True, text=True, check=False)


def test_it_tells_who_may_what(root: Path) -> None:
    """Of each product that somebody sees, and no word of the others."""
    reader = json.loads(freehold(root, "access", "user:idp/x", "--json").stdout)
    member = json.loads(freehold(root, "access", "user:idp/x", "group:idp/rare", "--json").stdout)

    assert sorted(reader["products"]) == ["lab.thorium", "works.bismuth", "works.wolfram"]
    assert reader["products"]["works.wolfram"] == ["see", "ask"]
    assert member["products"]["lab.selenium"] == ["see", "ask", "see_rows", "roll_back"]
    assert member["administers"] is False
    assert "sees 3 of 4 products" in freehold(root, "access", "user:idp/x").stdout


def test_it_tells_why(root: Path) -> None:
    """With whom files would have let."""
    told = json.loads(freehold(root, "access", "group:idp/rare", "--product", "lab.selenium", "--json").stdout)
    run = next(one for one in told["actions"] if one["action"] == "run")

    assert run == {
        "action": "run", "may": False, "why": "group:idp/rare may not run `lab.selenium`.", "who_may": ["owner"],
    }  # fmt: skip
    assert "may not run" in freehold(root, "access", "group:idp/rare", "--product", "lab.selenium").stdout


def test_it_tells_what_the_shell_may_beside_what_files_grant(root: Path) -> None:
    """Of a user of this machine alone: that is who may do everything there, whatever files say."""
    told = freehold(root, "access", "user:local/root", "--product", "lab.selenium")
    said = json.loads(freehold(root, "access", "user:local/root", "--json").stdout)

    assert "There is no product" in told.stdout
    assert "user:local/root may do everything" in told.stderr
    assert said["at_the_shell"] == "everything"
    assert "at_the_shell" not in json.loads(freehold(root, "access", "user:idp/x", "--json").stdout)


def test_a_token_of_a_service_account_is_its_own(root: Path) -> None:
    """Of its scopes and no others, in its name, whoever made it."""
    made = json.loads(freehold(root, "token", "create", "from cron", "--for-service", "nightly", "--json").stdout)

    assert (made["kind"], made["owner"]) == ("service", "service:nightly")
    assert made["scopes"] == ["catalog:read", "metrics:query"]
    assert made["token"].startswith("fh_service_")


@pytest.mark.parametrize(
    ("words", "before", "after", "code"),
    [
        (["--for-service", "nightli"], "", "", "FH-A114"),
        (["--for-service", "nightly"], "2999-01-31", "2020-01-31", "FH-A114"),
        (["--for-service", "nightly", "--scope", "server:observe"], "", "", "FH-A112"),
    ],
    ids=["an account that is not there", "one nobody looked over", "a scope beyond its file"],
)
def test_a_token_is_refused(root: Path, words: list[str], before: str, after: str, code: str) -> None:
    """With a word on how to mend it, and nothing made."""
    teams = root / "teams.yaml"
    teams.write_text(teams.read_text().replace(before, after))
    done = freehold(root, "token", "create", "x", *words)

    assert (done.returncode, code in done.stderr) == (2, True), done.stderr
    assert json.loads(freehold(root, "token", "list", "--json").stdout)["tokens"] == []


def test_validate_finds_words_that_mean_nobody(root: Path) -> None:
    """At the place of the product's file; an account that is overdue is a warning, and no error."""
    teams = root / "teams.yaml"
    teams.write_text(teams.read_text().replace("2999-01-31", "2020-01-31"))
    doubted = freehold(root, "validate")
    file = root / "lab/selenium/product.odps.yaml"
    file.write_text(file.read_text().replace("see: [member]", 'see: ["team:rear"]'))
    wrong = freehold(root, "validate")

    assert (doubted.returncode, "FH-A204" in doubted.stderr) == (0, True), doubted.stderr
    assert wrong.returncode == 1
    assert "FH-A201  lab/selenium/product.odps.yaml" in wrong.stderr
    assert "Did you mean `rare`?" in wrong.stderr


def test_no_provider_may_be_called_as_the_shell(root: Path) -> None:
    """`user:local/…` may do all that the shell may, so nobody else may vouch for such a name."""
    estate = root / "estate.yaml"
    said = "  server: {sign_in: {issuer: https://id.example.com, client_id: x, name: local}}\n"
    estate.write_text(estate.read_text() + said)

    assert freehold(root, "validate").returncode == 1
