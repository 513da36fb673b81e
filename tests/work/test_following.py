"""Items that are followed are the items there are, whatever happens to them and however often one looks."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.work import Following, Work

_STEPS = st.lists(st.sampled_from(("create", "accept", "withdraw", "comment", "duplicate", "look")), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_what_is_followed_is_what_there_is(work_of: Callable[..., Work], steps: list[str]) -> None:
    """Looked at after any steps, each item is as it is when it is read anew; what changed since is said."""
    work = work_of("member", "stewards")
    following = Following(work._ledger)
    following.look(work.workflows)
    made: list[str] = []
    touched = set[str]()
    for step in steps:
        if step == "look":
            assert following.look(work.workflows) == touched
            touched = set()
        elif step == "create":
            made.append(work.create("metric-dispute", {"metric": "m", "claim": "x"}, product="sales.orders").item.id)
            touched.add(made[-1])
        elif made and step == "comment":
            work.comment(made[-1], "Well.")
            touched.add(made[-1])
        elif made and step in work.workflow("metric-dispute").states[work.item(made[-1]).state].moves:
            if not work.item(made[-1]).original:
                touched |= {made[-1], *(one.id for one in work.move(made[-1], step).duplicates)}
        elif len(made) > 1 and step == "duplicate" and not work.item(made[-1]).original:
            work.link(made[-1], "duplicate_of", made[0])
            touched.add(made[-1])
    following.look(work.workflows)

    assert following.items == {item.id: item for item in (work.item(id_) for id_ in following.items)}
    assert set(made) <= set(following.items)
