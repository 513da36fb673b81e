"""Causes of incidents: stated by a link, told by an event of its own, and taken back with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from freehold.foundation import FreeholdError
from freehold.ledger import Event
from freehold.work import Work

Opener = Callable[..., Work]
FIRST, SECOND = "01962f4e-0000-7000-8000-39d133dcd77f", "01962f4e-0000-7000-8000-aad133dcd77f"


@pytest.fixture
def steward(work_of: Opener) -> Work:
    """Who sees to incidents; two deployments were done before."""
    work = work_of("sam", "stewards")
    for id_ in (FIRST, SECOND):
        said = {"deploy_id": id_, "env": "prod", "status": "success"}
        work._ledger.append(Event("deploy.completed", said, env="prod"))
    return work


def opened(work: Work) -> str:
    """Open an incident."""
    said = {"what": "Revenue doubled.", "kind": "data", "sev": 2}
    return work.create("incident", said, product="sales.orders").item.id


def causes(work: Work) -> list[dict[str, Any]]:
    """Return what was recorded of causes."""
    return [dict(event.data) for event in work._ledger.read(types=("incident.cause_linked",))]


@pytest.mark.parametrize("named", [FIRST, "39d133dcd77f", "…39d133dcd77f"], ids=["whole", "its end", "as it is shown"])
def test_an_incident_is_linked_to_the_deployment_that_caused_it(steward: Work, named: str) -> None:
    """However the deployment is named, the event has its whole id, and says that somebody stated it."""
    incident = opened(steward)
    item = steward.link(incident, "caused_by", named)
    steward.unlink(incident, "caused_by", named)
    stated, ended = causes(steward)

    assert [one.target for one in item.links] == [FIRST]
    assert (stated["incident"], stated["deploy_id"], stated["basis"]) == (incident, FIRST, "explicit")
    assert (ended["deploy_id"], ended["ended"]) == (FIRST, True)
    assert steward.item(incident).links == ()


def test_an_end_that_several_deployments_have_is_refused(steward: Work) -> None:
    """Nothing is linked, and the deployments are named."""
    incident = opened(steward)
    with pytest.raises(FreeholdError) as refused:
        steward.link(incident, "caused_by", "d133dcd77f")

    assert (refused.value.code, FIRST in refused.value.fix, SECOND in refused.value.fix) == ("FH-W503", True, True)
    assert causes(steward) == []


def test_only_what_caused_an_incident_is_a_cause(steward: Work) -> None:
    """Another item that a deployment caused is linked, and an incident that another item caused; neither is counted."""
    question = steward.create("question", {"what": "Why?"}).item.id
    steward.link(question, "caused_by", FIRST)
    steward.link(opened(steward), "caused_by", question)

    assert causes(steward) == []
