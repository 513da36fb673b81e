"""The exported workflow runs: a pull request is planned, reviewed, merged and applied, and its environment goes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from click.testing import CliRunner
from forge import REPOSITORY, Forge
from runner import Done, Runner, environment_of_python

from freehold.cli import cli

MODEL = "shop/orders/models/orders.sql"
TEAM = """
  roles: {owner: ["user:idp/olga"], steward: ["user:idp/sten"]}
  handles: {github: {olga: ["user:idp/olga"], ada: ["user:idp/ada"], sten: ["user:idp/sten"]}}"""


class Story:
    """One repository on its forge, with a workflow, a warehouse and a runner."""

    def __init__(self, place: Path, forge: Forge, url: str) -> None:
        self.forge, self.url = forge, url
        self.work, self.origin = place / "work", place / "origin.git"
        jobs = place / "jobs"
        jobs.mkdir()
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.origin)], check=True)
        assert CliRunner().invoke(cli, ["init", str(self.work)]).exit_code == 0
        self._declare()
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "origin", str(self.origin))
        assert self.freehold("export", "github").exit_code == 0
        self.commit("The estate")
        assert self.freehold("apply", "--yes").exit_code == 0, "the first estate is in force"
        self.runner = Runner(self.origin, jobs, environment_of_python(place))
        self.workflow = (self.work / ".github/workflows/freehold.yml").read_text()

    def _declare(self) -> None:
        path = self.work / "estate.yaml"
        text = path.read_text()
        prod = next(line for line in text.splitlines() if line.startswith("    prod:"))
        text = text.replace("sqlite:///.freehold/state.db", self.url).replace(
            "duckdb:///.freehold/warehouse.db", self.url
        )
        text = text.replace(
            prod,
            "    prod: {connection: warehouse, protected: true}\n"
            "    pr-*: {connection: warehouse, defer_to: prod, ttl: 7d}\n"
            f"  reviews: {{forge: github, repository: {REPOSITORY}, token: env:GITHUB_TOKEN, "
            f'api: "{self.forge.url}", issuer: "{self.forge.url}"}}',
        )
        path.write_text(text)
        teams = self.work / "teams.yaml"
        said = teams.read_text()
        roles = next(line for line in said.splitlines() if line.startswith("  roles:"))
        teams.write_text(said.replace(f"\n{roles}", TEAM, 1))

    def freehold(self, *words: str) -> Any:
        """Run a command at a person's desk."""
        return CliRunner().invoke(cli, ["-C", str(self.work), *words])

    def git(self, *words: str) -> str:
        """Run git in the working tree."""
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        done = subprocess.run(["git", *who, *words], cwd=self.work, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything, push, and return the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        self.git("push", "-q", "origin", "HEAD")
        return self.git("rev-parse", "HEAD")

    def propose(self) -> None:
        """Open pull request 12, which doubles every amount."""
        self.git("checkout", "-q", "-b", "double")
        path = self.work / MODEL
        path.write_text(path.read_text().replace("    amount,", "    cast(amount * 2 as decimal(12, 2)) as amount,"))
        self.forge.base, self.forge.head = self.git("rev-parse", "main"), self.commit("Amounts are doubled")

    def event(self, name: str, action: str = "") -> list[Done]:
        """Let the forge start the workflow for something that happened to the pull request, or to main."""
        is_push = name == "push"
        sha = self.git("rev-parse", "main") if is_push else self.forge.head
        self.forge.ref = "refs/heads/main" if is_push else f"refs/pull/{self.forge.number}/merge"
        pull = {"number": self.forge.number, "head": {"sha": self.forge.head}}
        about = {} if is_push else {"pull_request": pull, "action": action}
        context = {
            "github": {"event_name": name, "sha": sha, "ref": self.forge.ref, "token": "t0ken", "event": about},
            "secrets": {},
        }
        environ = {
            "GITHUB_REF": self.forge.ref, "GITHUB_SHA": sha, "GITHUB_REPOSITORY": REPOSITORY,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.forge.url}/identity", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "asks",
        }  # fmt: skip
        return self.runner.run(self.workflow, context, environ)

    def merge(self) -> None:
        """Merge the pull request."""
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--no-ff", "-m", "Merge pull request 12", "double")
        self.git("push", "-q", "origin", "main")
        self.forge.merged = self.git("rev-parse", "main")

    def amounts(self, schema: str = "shop_orders") -> float:
        """Return the sum that consumers read."""
        import psycopg

        with psycopg.connect(self.url) as connection:
            return float(connection.execute(f'SELECT sum(amount) FROM "{schema}".orders').fetchone()[0])


@pytest.fixture
def story(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    """Everything, with the first estate in force."""
    for name in ("CI", "GITHUB_REF", "GITHUB_SHA", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Forge() as forge:
        yield Story(tmp_path, forge, postgres_url)


def test_a_change_from_pull_request_to_production(story: Story) -> None:
    """Planned as a comment, built for itself alone, approved by who may, applied on merge without being built again."""
    before = story.amounts()
    story.propose()

    (planned,) = story.event("pull_request", "opened")
    assert (planned.job, planned.code) == ("plan", 4), planned.said
    assert story.amounts("pr-12__shop_orders") == 2 * before
    assert story.amounts() == before
    (said,) = story.forge.comments
    assert "approval needed" in said["body"].splitlines()[1]
    assert "**owner** of `shop.orders`: user:idp/olga" in said["body"]
    assert story.forge.requested == ["olga"]

    story.forge.review("ada")
    (own,) = story.event("pull_request_review", "submitted")
    assert own.code == 4
    assert "not-approved-by-its-author" in own.said

    story.forge.review("sten")
    assert story.event("pull_request_review", "submitted")[0].code == 4, "a steward is no owner"

    story.forge.review("olga")
    (approved,) = story.event("pull_request_review", "submitted")
    assert approved.code == 0, approved.said
    assert len(story.forge.comments) == 1, "the comment is kept up to date"
    assert "nothing is broken" in story.forge.comments[0]["body"]

    story.merge()
    (applied,) = story.event("push")
    assert (applied.job, applied.code) == ("apply", 0), applied.said
    assert "taken over" in applied.said, "what the environment of the pull request built is not built again"
    assert story.amounts() == 2 * before

    (gone,) = story.event("pull_request", "closed")
    assert (gone.job, gone.code) == ("gone", 0), gone.said
    assert "pr-12" not in story.freehold("environments", "list").stdout


def test_an_approval_of_what_was_changed_since_does_not_count(story: Story) -> None:
    """A push after the approval makes it stale; the rule is named."""
    story.propose()
    story.forge.review("olga")
    (story.work / MODEL).write_text((story.work / MODEL).read_text() + "where amount > 1\n")
    story.forge.head = story.commit("And less")
    (planned,) = story.event("pull_request", "synchronize")
    assert planned.code == 4
    assert "approved-as-it-is" in planned.said


def test_what_nobody_approved_is_not_applied(story: Story) -> None:
    """A push past the review changes nothing in production: the job ends with 4."""
    before = story.amounts()
    story.propose()
    story.git("checkout", "-q", "main")
    story.git("merge", "-q", "--ff-only", "double")
    story.git("push", "-q", "origin", "main")
    story.forge.head = "0" * 40  # no pull request knows this commit
    (applied,) = story.event("push")
    assert (applied.job, applied.code) == ("apply", 4), applied.said
    assert story.amounts() == before


def test_a_person_at_a_desk_can_neither_approve_nor_apply(story: Story) -> None:
    """A shell vouches for nobody in a protected environment; the rule is named, and nothing is recorded."""
    before = story.amounts()
    story.propose()
    assert story.freehold("apply", "--yes").exit_code == 4
    plan = story.freehold("plan", "--json")
    done = CliRunner().invoke(
        cli, ["-C", str(story.work), "approve", json.loads(plan.stdout)["plan"]], standalone_mode=False
    )
    assert getattr(done.exception, "code", "") == "FH-G004"
    assert "not-approved-from-a-shell" in str(done.exception)
    assert story.freehold("apply", "--yes").exit_code == 4
    assert story.amounts() == before


def test_a_rejected_plan_is_not_applied(story: Story) -> None:
    """A rejection holds although everybody else approved."""
    story.propose()
    plan = json.loads(story.freehold("plan", "--json").stdout)["plan"]
    assert story.freehold("reject", plan, "--why", "the board reads these").exit_code == 0
    story.forge.review("olga")
    (planned,) = story.event("pull_request_review", "submitted")
    assert planned.code == 1
    assert "Rejected by" in planned.said


def test_every_commit_since_what_is_applied_is_approved_by_its_own_review(story: Story) -> None:
    """What was pushed past the review is not let in with the next pull request that was approved."""
    before, first = story.amounts(), story.git("rev-parse", "HEAD")
    path = story.work / MODEL
    path.write_text(path.read_text().replace("lower(state)", "upper(state)"))
    story.commit("Past the review")
    story.propose()
    story.forge.review("olga")
    assert story.event("pull_request_review", "submitted")[0].code == 0
    story.merge()
    (applied,) = story.event("push")
    assert applied.code == 4, applied.said
    assert story.amounts() == before

    story.git("checkout", "-q", first, "--", MODEL)
    story.commit("Both are taken back")
    (applied,) = story.event("push")
    assert applied.code == 0, "what was taken back is nobody's to approve"
    assert story.amounts() == before


def test_files_that_are_not_in_git_are_approved_by_no_review(story: Story) -> None:
    """A job that changes files after the checkout releases something nobody looked at."""
    before = story.amounts()
    story.propose()
    story.forge.review("olga")
    story.merge()
    story.workflow = story.workflow.replace(
        "run: freehold apply --yes\n", f"run: sed -i s/lower/upper/ {MODEL} && freehold apply --yes\n"
    )
    (applied,) = story.event("push")
    assert (applied.job, applied.code) == ("apply", 4), applied.said
    assert story.amounts() == before
