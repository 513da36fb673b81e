"""Who is on call: by the rota of a team, and what they may do at night."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from freehold.estate import load_estate
from freehold.foundation import Caller, FreeholdError
from freehold.ledger import Ledger
from freehold.work import Raci, Work

PRODUCT = "apiVersion: v1.0.0\nkind: DataProduct\nid: ops.stock\nstatus: active\nteam: {name: stock}\n"
ROTA = 'on_call: {rota: {who: ["user:idp/ana", "team:nights"], from: "2011-03-07"}, escalation: "user:idp/boss"}'
TEAMS = """apiVersion: freehold.dev/v1
kind: Team
metadata: {id: stock}
spec:
  parent: ops
  roles: {owner: ["user:idp/owner"]}
  %s
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: ops}
spec:
  roles: {steward: ["user:idp/steward"]}
  %s
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: nights}
spec: {members: ["user:idp/ben"]}
"""


@pytest.mark.parametrize("teams", [(ROTA, ""), ("", ROTA)], ids=["of the team", "of the team above"])
def test_whoever_takes_turns_is_on_call(written: Callable[..., Path], teams: tuple[str, str]) -> None:
    """Everybody of the rota, whose turn it is or not, and whom it escalates to; of no other product."""
    raci = Raci.of(load_estate(written(stock=TEAMS % teams, ops_stock_product=PRODUCT)))

    assert raci.holders("on-call", "ops.stock") == {"user:idp/ana", "user:idp/ben", "user:idp/boss"}
    assert raci.roles_of(["user:idp/ben"], "ops.stock") == ("on-call",)
    assert raci.holders("on-call", "sales.orders") == frozenset()


@pytest.mark.parametrize(
    ("on_call", "holders"),
    [("on_call: {rota: 'pagerduty:P1ABCDE'}", set()), ("", set()), (ROTA, {"user:idp/cas"})],
    ids=["a rota that is kept elsewhere", "without one", "a role of that name"],
)
def test_a_team_may_say_itself_who_is_on_call(written: Callable[..., Path], on_call: str, holders: set[str]) -> None:
    """By a role of that name, which counts before the rota; a rota that is kept elsewhere names nobody here."""
    said = (TEAMS % (on_call, "")).replace(
        '{owner: ["user:idp/owner"]}', '{owner: ["user:idp/owner"], on-call: ["user:idp/cas"]}' if holders else "{}"
    )
    raci = Raci.of(load_estate(written(stock=said, ops_stock_product=PRODUCT)))

    assert raci.holders("on-call", "ops.stock") == holders


def test_who_is_on_call_acknowledges_and_resolves_what_they_are_paged_for(
    written: Callable[..., Path], tmp_path: Path
) -> None:
    """But does not say that it was none, which is for who answers for the product; somebody else does neither."""
    estate = load_estate(written(stock=TEAMS % (ROTA, ""), ops_stock_product=PRODUCT))

    with Ledger.open("sqlite:///state.db", root=tmp_path) as ledger:

        def work(name: str) -> Work:
            return Work(estate, ledger.acting(Caller(f"user:idp/{name}", assurance="oidc")))

        fields = {"what": "It is wrong.", "kind": "data", "sev": 2}
        item = work("ben").create("incident", fields, product="ops.stock").item
        with pytest.raises(FreeholdError) as refused:
            work("passer-by").move(item.id, "acknowledge")
        with pytest.raises(FreeholdError):
            work("ana").move(item.id, "dismiss", fields={"because": "It is not."})
        acknowledged = work("ben").move(item.id, "acknowledge").item
        resolved = work("ana").move(item.id, "resolve", fields={"verified_by": "user:idp/ana"}).item

    assert refused.value.code == "FH-W104"
    assert "`on-call`" in refused.value.problem
    assert (acknowledged.state, resolved.state) == ("acknowledged", "resolved")
