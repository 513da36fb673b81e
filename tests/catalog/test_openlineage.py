"""What other tools tell becomes entries and edges: whatever the order, and nothing that fails takes any away."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from heard import SPACE, dataset, facet, from_columns, run, sealed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from listings import asset, content, flow, model, told

from freehold.catalog import Catalog, Question, Told
from freehold.catalog.openlineage.reading import Name, NoEvent, columns, heard, into_columns
from freehold.foundation import SimulatedClock
from freehold.ledger import Ledger
from freehold.ledger.event import from_micros, micros

OURS = told([asset("a.p0.t", "x", "y", aliases=[(str(Name(SPACE, "db.s.t")), "openlineage")])])


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock of the day after the events."""
    return SimulatedClock(datetime(2026, 3, 2, tzinfo=UTC))


def down(catalog: Catalog, name: str) -> set[str]:
    """Return what something goes into at once."""
    hops = catalog.reach(catalog.find(name), depth=1).hops
    return {str(node) for node in hops[0].nodes} if hops else set()


def up(catalog: Catalog, name: str) -> set[str]:
    """Return what something comes from at once."""
    hops = catalog.reach(catalog.find(name), down=False, depth=1).hops
    return {str(node) for node in hops[0].nodes} if hops else set()


def of(*names: str) -> set[str]:
    """Return the ids of data sets, and of the job `daily.load` as `job`."""
    return {"airflow:daily.load" if name == "job" else f"{SPACE}:{name}" for name in names}


# -- whose edges stand -------------------------------------------------------------------------------------------------

A, B = {"inputs": ["in"], "outputs": ["a"]}, {"inputs": ["in"], "outputs": ["b"]}


@pytest.mark.parametrize(
    ("events", "stand"),
    [
        pytest.param([run("START", 1, **A)], {"job", "a"}, id="a run that began adds its edges"),
        pytest.param([run("START", 1, **A), run("COMPLETE", 2)], {"job", "a"}, id="a bare end ends what began"),
        pytest.param(
            [run("COMPLETE", 1, **A), run("COMPLETE", 2, run="r2", **B)], {"job", "b"}, id="the next end replaces all"
        ),
        pytest.param(
            [run("COMPLETE", 1, **A), run("START", 2, run="r2", **B)], {"job", "a", "b"}, id="what runs takes none away"
        ),
        pytest.param(
            [run("COMPLETE", 1, **A), run("START", 2, run="r2", **B), run("FAIL", 3, run="r2")],
            {"job", "a", "b"},
            id="what fails takes none away",
        ),
        pytest.param(
            [run("COMPLETE", 1, **A), run("ABORT", 3, run="r2")], {"job", "a"}, id="what is cut off takes none away"
        ),
        pytest.param(
            [
                *(run("COMPLETE", 1, **A), run("START", 2, run="r2", **B), run("FAIL", 3, run="r2")),
                run("COMPLETE", 4, run="r3", **A),
            ],
            {"job", "a"},
            id="the end after a failure closes what that added",
        ),
        pytest.param(
            [run("COMPLETE", 1, **A), run("COMPLETE", 2, run="r2")],
            {"job", "a"},
            id="an end that names nothing takes none",
        ),
        pytest.param(
            [run("COMPLETE", 5, run="r2", **B), run("COMPLETE", 1, **A)], {"job", "b"}, id="late news is no news"
        ),
        pytest.param(
            [run("COMPLETE", 2), run("START", 1, **A)], {"job", "a"}, id="a start that comes after its end counts"
        ),
    ],
)
def test_only_an_end_that_is_well_closes_edges(
    catalog: Catalog, ledger: Ledger, events: list[dict[str, Any]], stand: set[str]
) -> None:
    """The edges of a job are those of the run that completed last; others add to them and take none away."""
    for event in events:
        sealed(ledger, event)
        catalog.update(OURS, ledger)

    assert down(catalog, f"dataset:{SPACE}:in") == of(*stand)


def test_edges_that_are_closed_are_remembered(catalog: Catalog, ledger: Ledger) -> None:
    """What is replaced ends at a moment and stays in the tables, as with models."""
    columns_ = {"columnLineage": from_columns(k=["in.x"])}
    sealed(ledger, run("COMPLETE", 1, inputs=["in"], outputs=[dataset("a", **columns_)]))
    catalog.update(OURS, ledger)
    sealed(ledger, run("COMPLETE", 2, run="r2", **B))
    catalog.update(OURS, ledger)

    assert catalog.standing().closed > 0


# -- names -------------------------------------------------------------------------------------------------------------


def test_a_job_that_reads_our_table_stands_after_our_asset(catalog: Catalog, ledger: Ledger) -> None:
    """Under the name that its warehouse gives it, our asset is known; columns go where the job says."""
    columns_ = {"columnLineage": from_columns(k=["db.s.t.x"])}
    sealed(ledger, run("COMPLETE", 1, inputs=["db.s.t"], outputs=[dataset("out", **columns_)]))
    catalog.update(OURS, ledger)

    assert down(catalog, "a.p0.t") == of("job", "out")
    assert down(catalog, "a.p0.t.x") == {"airflow:daily.load", f"{SPACE}:out.k"}
    assert down(catalog, "a.p0.t.y") == set()
    assert [str(node) for node in catalog.blast_radius(catalog.find("a.p0.t.x")).jobs] == ["airflow:daily.load"]


def test_a_job_without_columns_is_hit_by_any_column(catalog: Catalog, ledger: Ledger) -> None:
    """Where nobody says which columns are read, all may be, and all of what is written may hang on them."""
    sealed(ledger, run("COMPLETE", 1, inputs=["db.s.t"], outputs=[dataset("out", schema={"fields": [{"name": "k"}]})]))
    catalog.update(OURS, ledger)

    assert [str(n) for n in catalog.blast_radius(catalog.find("a.p0.t.y")).jobs] == ["airflow:daily.load"]
    assert catalog.blast_radius(catalog.find("a.p0.t.y")).assets == 1


def test_symlinks_make_one_of_two_names(catalog: Catalog, ledger: Ledger) -> None:
    """A path that a tool says is our table is our table, also for a job that told of the path before."""
    path = dataset("warehouse/t", space="s3://lake")
    sealed(ledger, run("COMPLETE", 1, inputs=[path], outputs=["out"]))
    catalog.update(OURS, ledger)
    before = up(catalog, f"dataset:{SPACE}:out")
    same = {"identifiers": [{"namespace": SPACE, "name": "db.s.t", "type": "TABLE"}]}
    sealed(ledger, run("START", 2, job="other", inputs=[dataset("warehouse/t", space="s3://lake", symlinks=same)]))
    catalog.update(OURS, ledger)

    assert before == {"airflow:daily.load", "s3://lake:warehouse/t"}
    assert up(catalog, f"dataset:{SPACE}:out") == {"airflow:daily.load", "a.p0.t"}


def test_an_asset_that_comes_later_takes_its_place(catalog: Catalog, ledger: Ledger) -> None:
    """Files may name a table after a job told of it, and stop naming it: lineage follows."""
    sealed(ledger, run("COMPLETE", 1, inputs=["db.s.t"], outputs=["out"]))
    nothing, found = told([asset("a.p0.other")]), []
    for said in (nothing, OURS, nothing):
        catalog.update(said, ledger)
        found.append(up(catalog, f"dataset:{SPACE}:out") - {"airflow:daily.load"})

    assert found == [{f"{SPACE}:db.s.t"}, {"a.p0.t"}, {f"{SPACE}:db.s.t"}]


def test_names_are_spelt_so_that_they_are_read_back() -> None:
    """Namespaces have colons, and names may have too."""
    for name in (Name("pg://h:1", "a.b"), Name("bigquery", "p:d.t"), Name("x", "50%3A:y"), Name("x:y", "z")):
        assert Name.of(str(name)) == name
    assert str(Name("a", "b:c")) != str(Name("a:b", "c"))


# -- facets ------------------------------------------------------------------------------------------------------------


def test_explicit_lineage_counts_over_inputs(catalog: Catalog, ledger: Ledger) -> None:
    """The facet `lineage` says which input goes into which output; an empty list says that none does."""
    one = {"inputs": [{"namespace": SPACE, "name": "in1", "type": "DATASET"}]}
    outputs = [dataset("a", lineage=one), dataset("b", lineage={"inputs": []}), "c"]
    sealed(ledger, run("COMPLETE", 1, inputs=["in1", "in2"], outputs=outputs))
    catalog.update(OURS, ledger)

    assert [up(catalog, f"dataset:{SPACE}:{name}") - of("job") for name in "abc"] == [
        of("in1"), set(), of("in1", "in2"),
    ]  # fmt: skip


def test_a_job_event_declares_and_a_data_set_event_too(catalog: Catalog, ledger: Ledger) -> None:
    """Lineage may be told without a run: by a job, and by a data set of itself."""
    entry = {"namespace": SPACE, "name": "a", "type": "DATASET",
             "inputs": [{"namespace": SPACE, "name": "in", "type": "DATASET"}]}  # fmt: skip
    job = {"namespace": "airflow", "name": "daily.load", "facets": {"lineage": facet(entries=[entry])}}
    same = {"eventTime": "2026-03-01T00:00:00Z", "producer": "p", "schemaURL": "s"}
    sealed(ledger, {**same, "job": job})
    sealed(ledger, {**same, "dataset": dataset("b", columnLineage=from_columns(k=["in.x"]))})
    sealed(ledger, {**same, "dataset": dataset("in", schema={"fields": [{"name": "x"}]})})
    catalog.update(OURS, ledger)

    assert down(catalog, f"dataset:{SPACE}:in") == of("job", "a", "b")
    assert down(catalog, f"dataset:{SPACE}:in.x") == {f"{SPACE}:b.k", "airflow:daily.load"}


def test_facets_are_merged_by_the_last_writer(catalog: Catalog, ledger: Ledger) -> None:
    """Each facet of a run, job and data set is as who told of it last had it; others stay, and unknown ones too."""
    first = run("START", 1, outputs=[dataset("a", schema={"fields": [{"name": "old"}]}, mine={"x": [1, {"y": None}]})])
    last = run("COMPLETE", 2, outputs=[dataset("a", schema={"fields": [{"name": "new"}]})])
    sealed(ledger, last, first)
    catalog.update(OURS, ledger)
    with catalog.heard() as book:
        one = book.dataset(Name(SPACE, "a"))
        assert one is not None
        facets = one.facets.facets()

    assert [name for name, *_ in columns(facets)] == ["new"]
    assert facets["mine"]["x"] == [1, {"y": None}]
    assert catalog.search(Question("new")).hits[0].key.id == f"{SPACE}:a"


def test_ways_are_told_in_words() -> None:
    """Type, subtype and masking of a transformation, and the form that was before it."""
    join = {"type": "INDIRECT", "subtype": "JOIN"}
    hidden = {"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": True}
    x, z = ({"namespace": "n", "name": "t", "field": name} for name in "xz")
    fields = {
        "a": {"inputFields": [{**x, "transformations": [join, hidden]}]},
        "b": {"transformationType": "MASKED", "inputFields": [x]},
    }
    whole = [{**z, "transformations": [{"type": "INDIRECT", "subtype": "FILTER"}]}]
    said = {"columnLineage": facet(fields=fields, dataset=whole)}
    found = [(target, source.field, source.how, source.is_direct) for target, source in into_columns(said)]

    assert found == [
        ("a", "x", "join masking transformation", True), ("b", "x", "masked", True), ("", "z", "filter", False),
    ]  # fmt: skip


# -- what is no event, and what is one all the same --------------------------------------------------------------------

WELL = run("COMPLETE", 1, **A)
LATER = micros(datetime(2026, 3, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    "body",
    ["", "x", "null", "[]", "3", "{}", '{"run": 1}', '{"run": {}}', '{"run": {"runId": "r"}, "job": {}}',
     '{"dataset": {}}', '{"job": {"namespace": "x"}}', "[" * 100_000, '{"a":' * 100_000],
)  # fmt: skip
def test_what_is_no_event_is_told_apart(body: str) -> None:
    """What tells of no run, job or data set is none, however it looks."""
    with pytest.raises(NoEvent):
        heard(body, 0)


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"producer": None}, "`producer` is missing"),
        ({"eventTime": "yesterday"}, "no instant"),
        ({"eventTime": "2026-03-01T00:00:00"}, "no time zone"),
        ({"eventType": "DONE"}, "none of START"),
        ({"run": {"runId": "manual__2026"}}, "no UUID"),
        ({"inputs": {}}, "no list"),
        ({"inputs": [{"namespace": "x"}, 3]}, "cannot be told by its name"),
        ({"outputs": [{**dataset("a"), "facets": []}]}, "no object"),
        ({"outputs": [{**dataset("a"), "facets": {"mine": {}}}]}, "names no schema"),
        ({"outputs": [{**dataset("a"), "facets": {"mine": 3}}]}, "and no object"),
    ],
)
def test_what_is_not_as_it_should_be_is_a_warning(change: dict[str, Any], warning: str) -> None:
    """An event with a fault is an event; the fault is told."""
    found = heard(json.dumps({**WELL, **change}), 5)

    assert any(warning in one for one in found.warnings), found.warnings
    assert found.job == Name("airflow", "daily.load")


def test_an_event_that_is_well_has_no_warning() -> None:
    """The events that these tests are made of are as the standard wants them."""
    assert heard(json.dumps(WELL), LATER).warnings == ()


@pytest.mark.parametrize(
    ("said", "counts"),
    [("2026-03-02T00:04:59Z", "2026-03-02T00:04:59Z"), ("2026-03-02T00:05:01Z", "2026-03-02T00:00:00Z"),
     ("2099-01-01T00:00:00Z", "2026-03-02T00:00:00Z")],
)  # fmt: skip
def test_a_time_that_was_not_yet_is_a_wrong_clock(said: str, counts: str) -> None:
    """Clocks differ by minutes; where one is ahead by more, the time the event came counts, with a warning."""
    found = heard(json.dumps({**WELL, "eventTime": said}), LATER)

    assert from_micros(found.at) == datetime.fromisoformat(counts)
    assert ["ahead" in one for one in found.warnings] == ([] if said == counts else [True])


def test_a_wrong_clock_that_was_believed_once_is_set_right_by_a_rebuild(catalog: Catalog, ledger: Ledger) -> None:
    """A segment of an earlier version may hold a time in the future: nothing in it came after it was sealed."""
    wrong = run("COMPLETE", 1, inputs=["old"], outputs=["a"], eventTime="2099-01-01T00:00:00Z")
    sealed(ledger, wrong, received=datetime(2099, 1, 1, tzinfo=UTC))
    now = next(ledger.read(newest_first=True)).recorded_at + timedelta(minutes=1)
    sealed(ledger, run("COMPLETE", 2, run="r2", inputs=["new"], outputs=["a"], eventTime=now.isoformat()), received=now)
    catalog.update(OURS, ledger)

    assert up(catalog, f"dataset:{SPACE}:a") == of("job", "new")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    at=st.lists(
        st.sampled_from(["run", "job", "inputs", "outputs", "dataset", "facets", "schema", "fields", "columnLineage",
                         "symlinks", "lineage", "ownership", 0]), min_size=1, max_size=5),
    value=json_values,
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_nothing_that_is_sent_is_a_defect(at: list[str | int], value: object) -> None:
    """Whatever stands anywhere in an event: it is read, or it is none, and nothing else."""
    said: Any = json.loads(json.dumps(run("COMPLETE", 1, inputs=["in"], outputs=[dataset("a", schema={"fields": []})])))
    place = said
    for step in at[:-1]:
        try:
            place = place[step]
        except (KeyError, IndexError, TypeError):
            break
    try:
        place[at[-1]] = value
    except (TypeError, IndexError):
        return
    try:
        found = heard(json.dumps(said), 0)
    except NoEvent:
        return
    for one in (*found.inputs, *found.outputs):
        into_columns(one.facets)
        columns(one.facets)


# -- a projection ------------------------------------------------------------------------------------------------------

tables = st.sampled_from(["db.s.t", "in", "out", "mid"])
events = st.builds(
    lambda type_, minute, number, job, ins, outs, with_columns, link: run(
        type_, minute, run=f"r{number}", job=job,
        inputs=[dataset(one, **({"symlinks": {"identifiers": [{"namespace": SPACE, "name": link, "type": "TABLE"}]}}
                                if link != "out" else {})) for one in ins],
        outputs=[dataset(one, **({"columnLineage": from_columns(k=[f"{other}.x" for other in ins])}
                                 if with_columns else {})) for one in outs],
    ),
    st.sampled_from(["START", "RUNNING", "COMPLETE", "COMPLETE", "FAIL", "ABORT"]), st.integers(0, 90),
    st.integers(0, 3), st.sampled_from(["j1", "j2"]), st.lists(tables, max_size=2, unique=True),
    st.lists(tables, max_size=2, unique=True), st.booleans(), tables,
)  # fmt: skip
files = st.sampled_from([
    OURS,
    told([asset("a.p0.t", "x"), asset("a.p0.u", "x")], [model("a.p0.u", flow("a.p0.t.x", "a.p0.u.x"))]),
    told([asset("a.p0.u", "x", aliases=[(str(Name(SPACE, "mid")), "openlineage")])]),
])  # fmt: skip


def without_moments(found: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that a catalog says but how far it has read."""
    return {what: rows for what, rows in found.items() if what != "ledger"}


@given(heard_=st.lists(events, min_size=1, max_size=10), said=st.lists(files, min_size=1, max_size=3),
       every=st.integers(1, 4), order=st.randoms(use_true_random=False))  # fmt: skip
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_step_by_step_is_what_a_rebuild_makes_and_order_is_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    clock: SimulatedClock,
    heard_: list[dict[str, Any]],
    said: list[Told],
    every: int,
    order: Any,
) -> None:
    """However events are cut into steps, and in whichever order they come: the catalog is the same in the end."""
    found = []
    shuffled = list(heard_)
    order.shuffle(shuffled)
    for some in (heard_, shuffled):
        root = tmp_path_factory.mktemp("steps")
        with Ledger.open("sqlite:///s.db", root=root, clock=clock) as ledger, Catalog(root, clock=clock) as catalog:
            for at in range(0, len(some), every):
                sealed(ledger, *some[at : at + every])
                catalog.update(said[(at // every) % len(said)], ledger)
            catalog.update(said[-1], ledger)
            stepped = content(root)
            catalog.rebuild(said[-1], ledger)

            assert content(root) == stepped
            found.append(without_moments(stepped))
    assert found[0] == found[1]


def test_an_event_that_comes_again_changes_nothing(catalog: Catalog, ledger: Ledger, tmp_path: Path) -> None:
    """The same event, sealed twice, makes the same entries and edges."""
    event = run("COMPLETE", 1, inputs=["db.s.t"], outputs=[dataset("a", columnLineage=from_columns(k=["db.s.t.x"]))])
    sealed(ledger, event)
    catalog.update(OURS, ledger)
    before = content(tmp_path)
    sealed(ledger, event)
    written = catalog.update(OURS, ledger)

    assert (written.entries, written.jobs, written.edges, written.closed) == (0, 0, 0, 0)
    assert {k: v for k, v in content(tmp_path).items() if k not in ("heard", "ledger")} == {
        k: v for k, v in before.items() if k not in ("heard", "ledger")
    }


def test_an_update_writes_only_what_it_concerns(catalog: Catalog, ledger: Ledger) -> None:
    """Among many jobs, one event is one job's edges: what others told is neither read nor written."""
    for number in range(50):
        sealed(ledger, run("COMPLETE", 1, run=f"r{number}", job=f"j{number}", inputs=[f"i{number}"], outputs=["o"]))
    catalog.update(OURS, ledger)
    sealed(ledger, run("COMPLETE", 2, run="again", job="j7", inputs=["i8"], outputs=["o"]))
    written = catalog.update(OURS, ledger)

    assert (written.entries, written.gone, written.jobs) == (0, 0, 2)


def test_a_file_that_changes_draws_nothing_anew_that_it_does_not_name(catalog: Catalog, ledger: Ledger) -> None:
    """What other tools told stands as it is when a file changes; what goes by a name that came or went is drawn."""
    for number in range(20):
        sealed(ledger, run("COMPLETE", 1, run=f"r{number}", job=f"j{number}", inputs=[f"i{number}"], outputs=["o"]))
    catalog.update(told([asset("a.p0.t", "x")]), ledger)
    described = catalog.update(told([asset("a.p0.t", "x", description="what it is")]), ledger)
    named = asset("a.p0.t", "x", aliases=[(str(Name(SPACE, "i7")), "openlineage")])
    known = catalog.update(told([named]), ledger)

    assert (described.entries, described.jobs, described.edges) == (1, 0, 0)
    assert (known.gone, known.jobs) == (1, 2)  # the data set of that name, and both jobs of who reads it
    assert "a.p0.t" in up(catalog, "o")
