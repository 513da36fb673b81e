"""Incidents and what is not for everybody: values of rows under a policy, words on an item that is out of sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import guarded_estate
from freehold.foundation import Caller
from freehold.ledger import Event
from freehold.reliability.incidents import incidents
from freehold.work import Work
from live_agent import asked, told
from live_process import until
from live_server import PAGE, Running, known_as, read_at, token_of

ROOT, BELOW = "works.wolfram.wolfram_out", "works.bismuth.bismuth_out"
WHOLE = ("user:idp/mona", "group:idp/metals")  # sees everything, as it is
TILL = ("user:idp/tilda", "group:idp/till")  # sees every product, and the rows of none of wolfram
DOWNSTREAM = ("user:idp/rex", "group:idp/readers")  # sees what is built from wolfram, and not wolfram
RARE = ("user:idp/ruth", "group:idp/rare")  # sees what is built from wolfram, and owns other products
OTHERS = ("user:idp/otto", "group:idp/others")  # sees only selenium, which nothing that is wrong touches
_SEEN = {
    "works.wolfram": ("till",),
    "works.bismuth": ("till", "rare", "readers"),
    "lab.thorium": ("till", "metals", "readers"),
}
_REASON = "mean of wolfram_id was 341,200, more than the 52,000 to be expected"
_VALUES = ("341,200", "341200", "52,000")
_WORDS = ("hedwigs", "lukas", "mona")  # of the comment, of whom the item was given to, of who acknowledged it
_POLICY = """apiVersion: freehold.dev/v1
kind: DataPolicy
metadata: {id: wolfram-masked, owner: metals}
spec:
  of: [works.wolfram.wolfram_out]
  grants:
    - {to: ["group:idp/till"], masks: {wolfram_id: "0"}}
    - {to: [everyone]}
"""


@pytest.fixture(scope="module")
def unseen(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server where a root under a policy is wrong, and what is built from it; people said things of the incident."""
    root: Path = tmp_path_factory.mktemp("unseen") / "guarded"
    guarded_estate.write(root)
    (root / "works" / "policy.yaml").write_text(_POLICY, "utf-8")
    for product, groups in _SEEN.items():
        access = f"{{see: [member, {', '.join(f'group:idp/{one}' for one in groups)}]}}"
        file = root / product.replace(".", "/") / "product.odps.yaml"
        file.write_text(guarded_estate.product_file(product, access), "utf-8")
    running = serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})
    snapshots = running.app.state.served.snapshots
    ledger, snapshot = snapshots.ledger, snapshots.now()
    told_of = []
    for asset, reason in ((ROOT, _REASON), (BELOW, "`rows` does not hold")):
        said = {
            "alert_id": asset, "rule": "mean" if asset == ROOT else "rows", "asset": asset, "page": True,
            "kind": "anomaly" if asset == ROOT else "check", "is_breach": True, "is_held": False, "reason": reason,
            "column": "wolfram_id" if asset == ROOT else None, "began_at": ledger.clock.now().isoformat(),
        }  # fmt: skip
        told_of.append(Event("alert.raised", said, env="prod", subject=asset, product=asset.rpartition(".")[0]))
    ledger.append(*told_of)
    until(lambda: incidents(ledger), "the round of the server opened an incident")
    caller = Caller("user:idp/mona", ("group:idp/metals",), assurance="oidc")
    work = Work(snapshot.estate, ledger.acting(caller))
    work.comment(_id(running), "Hedwigs salary is in it.")
    work.move(_id(running), "acknowledge", note="Hedwigs again.")
    work.assign(_id(running), "user:idp/lukas")
    return running


def _id(running: Running) -> str:
    (one,) = incidents(running.app.state.served.snapshots.ledger)
    return one


def _texts(running: Running, who: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what each route that can be read says to somebody, and what an agent of theirs is told."""
    id_ = _id(running)
    with known_as(running, *who, **PAGE) as client:
        for path in sorted(set(read_at(running.app.routes))):
            if path.startswith(("/sign-in", "/-/static", "/settings")):
                continue
            named = path.replace("{type}", "incident")
            for one in {named.replace("{id}", name) for name in (id_.rpartition("/")[2], ROOT, BELOW)}:
                if "{" not in one:
                    yield one, client.get(one).text
        for path in (f"/documents/incident-update?item={id_}&reader=engineers", "/api/v1/events?limit=500",
                     "/incidents?kind=all", "/events?limit=500", "/alerts?view=digest"):  # fmt: skip
            yield path, client.get(path).text
    token = token_of(running, *who, scopes=("catalog:read",))
    _, health = asked(running, token, ("get_health", {}))
    yield "an agent", str(told(health))


@pytest.mark.parametrize(
    ("who", "words"),
    [
        pytest.param(TILL, _VALUES, id="who sees every product is told no value that a policy hides"),
        pytest.param(DOWNSTREAM, (*_VALUES, *_WORDS, "works.wolfram"), id="who sees what is below is told of it alone"),
    ],
)
def test_nothing_is_told_that_is_not_theirs(unseen: Running, who: tuple[str, str], words: tuple[str, ...]) -> None:
    """On no page, in no answer of the API, in no event, to no agent."""
    every = ((where, text.lower(), word) for where, text in _texts(unseen, who) for word in words)
    leaks = [(where, word) for where, text, word in every if word in text and word not in where]

    assert not leaks, leaks


def test_who_may_read_the_alert_reads_it_in_the_timeline(unseen: Running) -> None:
    """With its values, and with what people said; the title says where and which monitor, to everybody alike."""
    path = f"/api/v1/incidents/{_id(unseen).rpartition('/')[2]}"
    with known_as(unseen, *WHOLE) as mona, known_as(unseen, *TILL) as tilda, known_as(unseen, *DOWNSTREAM) as rex:
        whole, masked, below = (one.get(path).json() for one in (mona, tilda, rex))
    said = {who: [each["said"] for each in one["timeline"]] for who, one in (("w", whole), ("m", masked), ("b", below))}

    assert whole["title"] == masked["title"] == f"{ROOT}: mean of wolfram_id, and 1 asset below it"
    assert below["title"] == BELOW
    assert f"{ROOT}: {_REASON}" in said["w"]
    assert f"{ROOT}: mean of wolfram_id" in said["m"]
    assert f"{BELOW}: `rows` does not hold" in said["b"]
    assert "Hedwigs salary is in it." in said["w"]
    assert "Hedwigs salary is in it." in said["m"]  # they see the item, and what people say there
    assert {each["actor"] for each in below["timeline"]} == {None}
    assert "wolfram" not in str(below)


def _mitigated(running: Running, who: tuple[str, str], **how: Any) -> tuple[int, str]:
    """Ask for a mitigation as somebody; return the status, and the code where it is refused."""
    with known_as(running, *who) as client:
        wanted = {"kind": "incidents mitigate", "arguments": {"id": _id(running), **how}}
        answer = client.post("/api/v1/jobs", json=wanted)
    return answer.status_code, answer.json().get("code", "")


@pytest.mark.parametrize(
    ("who", "how", "code"),
    [
        pytest.param(WHOLE, {"unfreeze": "mthorium.thorium_total"}, "FH-A113", id="a metric of another team"),
        pytest.param(WHOLE, {"freeze": "mthorium.thorium_by_wolfram"}, "FH-A113", id="of a metric over two both count"),
        pytest.param(WHOLE, {"freeze": "mgone.total"}, "FH-E353", id="a metric that there is not"),
        pytest.param(WHOLE, {"unfreeze": "mgone.total"}, "FH-A113", id="one that is gone is for who may do all"),
        pytest.param(WHOLE, {"rollback": True, "product": "lab.thorium"}, "FH-A113", id="another team's product"),
        pytest.param(RARE, {"rollback": True}, "FH-A113", id="who may not take back what it is of"),
        pytest.param(OTHERS, {"rollback": True, "product": "lab.selenium"}, "FH-E350", id="who does not see it"),
    ],
)
def test_mitigating_takes_a_right_on_what_it_touches(
    unseen: Running, who: tuple[str, str], how: dict[str, Any], code: str
) -> None:
    """Of a metric on what it is computed from, of a product on that; and the incident is one that they see."""
    assert _mitigated(unseen, who, **how)[1] == code


def test_who_may_take_a_product_back_freezes_what_is_computed_from_it(unseen: Running) -> None:
    """The same that their team's product may be taken back by."""
    assert _mitigated(unseen, WHOLE, freeze="mwolfram.wolfram_total")[0] == 201
