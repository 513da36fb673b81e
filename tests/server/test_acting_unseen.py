"""What may not be seen is told by no run, no deployment and no plan, and by no refusal of an action on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import guarded_estate
from changing_estates import freehold
from live_process import until
from live_server import PAGE, Running, known_as

JSON = {"accept": "application/json"}
HIDDEN = ("selenium", "thorium")


@pytest.fixture(scope="module")
def half_seen(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over four products, two of them their team's alone; all are changed, and the change is not applied."""
    root = tmp_path_factory.mktemp("half") / "guarded"
    guarded_estate.write(root)
    for word in HIDDEN:
        (root / "lab" / word / "product.odps.yaml").write_text(
            guarded_estate.product_file(f"lab.{word}", "{see: [member]}")
        )
    assert freehold(root, "run").returncode == 0
    for model in root.glob("*/*/models/*.sql"):
        model.write_text(model.read_text().replace("10 as", "11 as"))
    return serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})


def told(text: str) -> list[str]:
    """Return the hidden words that a text holds."""
    return [word for word in HIDDEN if word in text.lower()]


def test_no_page_of_what_happened_names_what_is_hidden(half_seen: Running) -> None:
    """Lists, each run, each deployment, the plan: as pages, as JSON and by the API."""
    with known_as(half_seen, "user:idp/x", "group:idp/readers") as client:
        runs = [r["id"] for r in client.get("/api/v1/runs", headers=JSON).json()["items"]]
        deployed = [d["id"] for d in client.get("/api/v1/deployments?kind=all", headers=JSON).json()["items"]]
        paths = [f"/runs/{id_}" for id_ in runs] + [f"/deployments/{id_}" for id_ in deployed]
        paths += ["/runs", "/deployments?kind=all", "/plan"]
        assert runs
        assert deployed
        for path in paths:
            way, _, query = path.partition("?")
            for shape in (path, f"{way}.json?{query}", f"/api/v1{path}"):
                answer = client.get(shape, headers=PAGE)
                assert (answer.status_code, told(answer.text)) == (200, []), f"{shape}: {answer.text[:400]}"
        plan = client.get("/api/v1/plan", headers=JSON).json()

    assert [change["product"] for change in plan["changes"]] == ["works.wolfram", "works.bismuth"]
    assert plan["may_apply"] is False


def test_a_plan_tells_no_metric_that_reads_what_is_hidden(tmp_path: Path, serving: Callable[..., Running]) -> None:
    """Not though its file is of a product that is seen; to those of the team it is told."""
    root = tmp_path / "guarded"
    guarded_estate.write(root)
    (root / "works" / "wolfram" / "product.odps.yaml").write_text(
        guarded_estate.product_file("works.wolfram", "{see: [member]}")
    )
    assert freehold(root, "run").returncode == 0
    metrics = root / "works" / "bismuth" / "metrics" / "m.yaml"
    metrics.write_text(metrics.read_text().replace("_amount)", "_amount) * 2"))
    server = serving(root)
    with (
        known_as(server, "user:idp/x", "group:idp/readers") as reader,
        known_as(server, "user:idp/mona", "group:idp/metals") as member,
    ):
        shown = [
            {one["id"] for one in who.get("/api/v1/plan", headers=JSON).json()["metrics"]} for who in (reader, member)
        ]
        page = reader.get("/plan", headers=PAGE).text

    assert shown == [{"mbismuth.bismuth_total"}, {"mbismuth.bismuth_total", "mbismuth.bismuth_by_wolfram"}]
    assert "by_wolfram" not in page


def test_no_refusal_names_what_is_hidden(half_seen: Running) -> None:
    """Applying, approving, running all, rolling back: refused without a name, and without a job."""
    with known_as(half_seen, "user:idp/mona", "group:idp/metals") as client:
        id_ = client.get("/api/v1/deployments?kind=all", headers=JSON).json()["items"][0]["id"]
        plan = client.get("/api/v1/plan", headers=JSON).json()["id"]
        answers = {
            path: client.post(path, data=said, headers=JSON)
            for path, said in (
                ("/plan/apply", {"plan": plan}),
                (f"/deployments/{id_}/rollback", {"why": "x", "confirm": "yes"}),
                ("/runs", {"select": "lab.selenium"}),
                ("/products/lab.selenium/unpin", {}),
            )
        }
        invented = client.post("/products/lab.qqqqqqqq/unpin", data={}, headers=JSON)

    assert {path: told(answer.text.replace("lab.selenium", "")) for path, answer in answers.items()} == {
        path: [] for path in answers
    }
    assert {answer.status_code for answer in answers.values()} <= {400, 403, 404}
    assert answers["/products/lab.selenium/unpin"].status_code == invented.status_code == 404


REFUSED = {
    "a run of everything": ("run", {}, 403),
    "a run of what is hidden": ("run", {"select": ["lab.selenium"]}, 400),
    "a run of another team's": ("run", {"select": ["works.wolfram"]}, 403),
    "a rollback of what is hidden": ("rollback", {"product": "lab.selenium"}, 404),
    "a rollback of another team's": ("rollback", {"product": "works.wolfram"}, 403),
    "a deployment that nobody made": ("deployments rollback", {"id": "nothing"}, 403),
    "putting the files in force": ("apply", {"yes": True}, 403),
    "collecting": ("collect", {"yes": True}, 403),
}


@pytest.mark.parametrize(("kind", "arguments", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_a_job_takes_the_right_to_what_it_does(
    half_seen: Running, kind: str, arguments: dict[str, object], status: int
) -> None:
    """Who may see something may not therefore have it done, whichever way they ask; what is hidden is not there."""
    with known_as(half_seen, "user:idp/x", "group:idp/readers") as client:
        answer = client.post("/api/v1/jobs", json={"kind": kind, "arguments": arguments}, headers=JSON)
        listed = client.get("/api/v1/jobs", headers=JSON).json()["items"]

    assert answer.status_code == status, answer.text
    assert told(answer.text.replace("lab.selenium", "")) == []
    assert listed == []


def test_a_job_is_seen_by_who_asked_and_by_who_sees_everything(half_seen: Running) -> None:
    """A job of the hidden team: theirs and the shell's; to others it is not there, nor its output, nor its end."""
    wanted = {"kind": "check", "arguments": {"select": ["lab.selenium"]}}
    with known_as(half_seen, "user:idp/rita", "group:idp/rare") as owner:
        id_ = owner.post("/api/v1/jobs", json=wanted, headers=JSON).json()["id"]
        assert owner.get(f"/jobs/{id_}", headers=PAGE).status_code == 200
    with half_seen.signed_in() as shell:
        assert shell.get(f"/api/v1/jobs/{id_}", headers=JSON).status_code == 200
    with known_as(half_seen, "user:idp/x", "group:idp/readers") as other:
        ways = [f"/api/v1/jobs/{id_}", f"/api/v1/jobs/{id_}/events", f"/jobs/{id_}", f"/jobs/{id_}/output.txt"]
        ways += [f"/jobs/{id_}/events", f"/jobs/{id_}.json"]
        answers = {way: other.get(way, headers=JSON).status_code for way in ways}
        answers["cancel"] = other.post(f"/api/v1/jobs/{id_}/cancel", headers=JSON).status_code
        answers["again"] = other.post(f"/jobs/{id_}/again", headers=JSON).status_code
        assert told(other.get("/jobs", headers=PAGE).text) == []

    assert set(answers.values()) == {404}, answers


def test_files_in_error_are_told_on_the_page(half_seen: Running) -> None:
    """Where and how to mend it, to those who see everything; to others that they are, without a name."""
    contract = half_seen.root / "lab" / "selenium" / "contracts" / "out.odcs.yaml"
    said = contract.read_text()
    contract.write_text(said.replace("logicalType: integer", "logicalType: integers"))
    with known_as(half_seen, "user:idp/x", "group:idp/readers") as client:
        with half_seen.signed_in(**PAGE) as shell:
            whole = shell.get("/plan")
        page, told_by_api = client.get("/plan", headers=PAGE), client.get("/api/v1/plan", headers=JSON)
    contract.write_text(said)

    assert page.status_code == 200
    assert "FH-P008" in page.text
    assert "FH-V104" in whole.text
    assert "lab/selenium/contracts/out.odcs.yaml" in whole.text
    assert told(page.text) == []
    assert (told_by_api.status_code, told(told_by_api.text)) == (503, []), told_by_api.text


def test_pages_stand_while_a_model_is_in_error(half_seen: Running) -> None:
    """What was known before is shown, with the word that the files are in error; nothing hidden is named by it."""
    model = half_seen.root / "lab" / "selenium" / "models" / "selenium_out.sql"
    said = model.read_text()
    model.write_text("select selenium_id, from where\n")
    paths = ("/", "/products", "/api/v1/products", "/lineage")
    with known_as(half_seen, "user:idp/x", "group:idp/readers") as client, half_seen.signed_in(**PAGE) as shell:
        until(lambda: "have 1 error" in shell.get("/products").text, "the error is told")
        answers = [client.get(path, headers=PAGE) for path in paths]
        model.write_text(said)
        until(lambda: "have 1 error" not in shell.get("/products").text, "the files are read anew")

    assert [(answer.status_code, told(answer.text)) for answer in answers] == [(200, [])] * 4
    assert "have 1 error" in answers[1].text


def test_files_in_error_from_the_start_are_told_to_who_can_read_them(
    tmp_path: Path, serving: Callable[..., Running]
) -> None:
    """To the shell what is wrong and where; to others only that it is so."""
    root = tmp_path / "guarded"
    guarded_estate.write(root)
    (root / "lab" / "selenium" / "models" / "selenium_out.sql").write_text("select selenium_id, from where\n")
    broken = serving(root)
    with known_as(broken, "user:idp/x") as client, broken.signed_in(**PAGE) as shell:
        whole = shell.get("/products")
        answers = [client.get(path, headers=PAGE) for path in ("/", "/products", "/api/v1/products", "/lineage")]

    assert "selenium_out.sql" in whole.text
    assert [(answer.status_code, told(answer.text)) for answer in answers] == [(503, [])] * 4
    assert answers[2].json()["code"] == "FH-A116"


def test_those_of_the_team_see_it(half_seen: Running) -> None:
    """So that the tests above prove what they say: it is there."""
    with known_as(half_seen, "user:idp/rita", "group:idp/rare") as client:
        plan = client.get("/api/v1/plan", headers=JSON).json()
        runs = client.get("/runs", headers=PAGE)

    assert "lab.thorium" in [change["product"] for change in plan["changes"]]
    assert told(runs.text)
    assert freehold(half_seen.root, "plan").returncode == 0
