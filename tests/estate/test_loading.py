"""From a folder to an estate: what is ours, what is remembered, and that nothing is half-loaded."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from freehold.estate import find_estate, load_estate
from freehold.estate.cache import PLACE, recall
from freehold.estate.model import Estate
from freehold.estate.scaffold import scaffold, write_new
from freehold.foundation import FreeholdError, Problems, Where

Write = Callable[[dict[str, str]], Path]
CONTRACT = "sales/orders/contracts/lines.odcs.yaml"


def said_of(root: Path, *, cache: bool = True) -> str:
    """Return the errors of an estate as text; empty when it loads."""
    try:
        load_estate(root, cache=cache)
    except FreeholdError as error:
        return str(error)
    return ""


def everything(estate: Estate) -> list[object]:
    """Return all values of an estate, built."""
    mappings = (estate.products, estate.contracts, estate.teams, estate.calendars, estate.resources, estate.models)
    return [list(mapping.items()) for mapping in mappings] + [estate.hashes, estate.findings, estate.defaults]


def test_the_parts_of_an_estate(write: Write) -> None:
    """Connections, environments, products, contracts, models, teams and calendars are found under their ids."""
    estate = load_estate(write({}))

    assert (estate.id, estate.name, estate.state_url) == ("small", "A small estate", "sqlite:///.freehold/state.db")
    assert estate.connections["warehouse"].url == "duckdb:///.freehold/warehouse.db"
    assert (estate.environments["dev"].defer_to, estate.environments["dev"].ttl) == ("prod", "7d")
    assert estate.environments["prod"].protected
    assert estate.defaults == {"timezone": "Europe/London", "calendar": "england"}
    product = estate.products["sales.orders"]
    assert (product.tier, product.mode, product.team, product.folder) == (1, "publish", "sales-data", "sales/orders")
    assert product.where == Where("sales/orders/product.odps.yaml", 3, 5)
    assert estate.models["sales.orders.lines"].text == "select 'a' as line_id, 1 as quantity\n"
    assert estate.teams["sales-data"].members == ("group:idp/sales-data",)
    assert estate.calendars["england"].spec["country"] == "GB"
    found = estate.contract_of("sales.orders.lines")
    assert found is not None
    assert found[1].key == ("line_id",)
    assert sorted(estate.hashes) == [
        "Calendar:england", "DataContract:sales.orders.lines", "DataProduct:sales.orders", "Estate:small",
        "Model:sales.orders.lines", "Team:sales-data",
    ]  # fmt: skip


def test_tiers_go_by_number(write: Write) -> None:
    """The demands of a tier are found under its number, though YAML's keys are text to us."""
    base = (Path(__file__).parent / "base" / "estate.yaml").read_text()
    root = write({"estate.yaml": base.replace("calendar: england", "tiers: {1: {notice: 30d}, 3: {approvals: []}}")})

    assert load_estate(root).defaults["tiers"] == {1: {"notice": "30d"}, 3: {"approvals": []}}


KINDS = """apiVersion: freehold.dev/v1
kind: Objective
metadata: {id: q4.trust, owner: sales-data}
spec: {period: 2011-10-01..2011-12-31, key_results: [{metric: adoption, start: 0, target: 1}]}
---
apiVersion: freehold.dev/v1
kind: RuleSet
metadata: {id: certified}
spec: {rules: [{id: a, check: a >= 1}]}
"""
DECISION = """---
id: ADR-0007
status: accepted
date: 2011-09-14
---
# Revenue is net

Two definitions were in use.
"""


def test_other_kinds_are_resources(write: Write) -> None:
    """Kinds that no room interprets yet, and decisions in Markdown, are kept as they are written."""
    estate = load_estate(write({"operating-model/all.yaml": KINDS, "decisions/0007.md": DECISION}))

    assert estate.resources["RuleSet", "certified"].spec == {"rules": [{"id": "a", "check": "a >= 1"}]}
    assert estate.resources["Objective", "q4.trust"].metadata["owner"] == "sales-data"
    decision = estate.resources["Decision", "ADR-0007"]
    assert decision.spec["text"] == "# Revenue is net\n\nTwo definitions were in use.\n"
    assert decision.metadata["date"] == "2011-09-14"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("deploy/service.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: a, name: b}\n"),
        ("chart/templates/x.yaml", "{{- if .Values.x }}\nkey: {{ .Values.y }}\n{{- end }}\n"),
        ("notes.yaml", "- just\n- a list\n"),
        ("sales/orders/metrics/dbt.yml", "version: 2\nmetrics: [{name: revenue, type: simple}]\n"),
        ("sales/orders/models/schema.yml", "version: 2\n\tbroken"),
        ("tests/bad.odcs.yaml", "kind: DataContract\n"),
        (".github/x.odcs.yaml", "kind: DataContract\n"),
        ("data/x.odps.yaml", "\x00"),
        ("models/loose.sql", "select"),
        ("sales/orders/models/_notes.sql", "select"),
        ("docs/readme.md", "no front matter"),
        ("docs/decisions/index.md", "# All decisions\n"),
        ("docs/decisions/0001.md", "---\ntitle: of another custom\n---\n# One\n"),
    ],
    ids=lambda value: value if "/" in value or value.endswith("yaml") else "",
)
def test_files_of_others_are_left_alone(path: str, text: str, write: Write) -> None:
    """A repository holds more than an estate: what is not ours is neither judged nor loaded."""
    estate = load_estate(write({path: text}))

    assert (len(estate.contracts), len(estate.products), len(estate.models)) == (1, 1, 1)


@pytest.mark.parametrize("name", ["contracts/c.yaml", "c.odcs.yaml", "c.odcs.yml", "p.odps.yaml", "any.yaml"])
def test_files_meant_for_us_are_judged_even_when_broken(name: str, write: Write) -> None:
    """A file in contracts/, named after a standard, or that says a kind of ours, is never passed over in silence."""
    root = write({name: "apiVersion: v3.1.0\nkind: DataContract\nid: [unclosed\n"})

    assert f"FH-V005  {name}:" in said_of(root)


def test_a_huge_file_is_one_clear_error_or_none_of_ours(write: Write) -> None:
    """Fifty megabytes: refused unread when meant for us, passed over when it is somebody else's."""
    root = write({"export.yaml": "a: 1\n", "big.odcs.yaml": ""})
    for name in ("export.yaml", "big.odcs.yaml"):
        with (root / name).open("r+b") as file:
            file.truncate(50_000_000)
    started = time.process_time()

    said = said_of(root)

    assert said.startswith("FH-V003  big.odcs.yaml\n")
    assert "export" not in said
    assert time.process_time() - started < 2


def test_errors_of_all_files_come_at_once(write: Write) -> None:
    """Every file's errors are told in one go, in the order of their places, and nothing is loaded."""
    root = write({
        "a.odcs.yaml": "kind: DataContract\n", "b.odps.yaml": "kind: [", "sales/orders/models/UPPER.sql": "select 1",
    })  # fmt: skip
    with pytest.raises(Problems) as caught:
        load_estate(root)

    places = [str(error.where) for error in caught.value.errors]
    assert places == sorted(places)
    assert {place.split(":")[0] for place in places} == {"a.odcs.yaml", "b.odps.yaml", "sales/orders/models/UPPER.sql"}


def test_values_are_the_same_with_and_without_a_cache(write: Write) -> None:
    """Cold, from the cache, and with the cache switched off: one and the same estate."""
    root = write({"operating-model/all.yaml": KINDS, "decisions/0007.md": DECISION})
    cold, warm, without = load_estate(root), load_estate(root), load_estate(root, cache=False)

    assert everything(cold) == everything(warm) == everything(without)


def test_a_loaded_estate_does_not_change_with_its_files(write: Write) -> None:
    """What was judged is what is read later, whatever happens to the files in between."""
    root = write({})
    estate = load_estate(root)
    (root / CONTRACT).write_text("nonsense: [")
    (root / "teams.yaml").unlink()

    assert estate.contracts["sales.orders.lines"].version == "1.0.0"
    assert estate.teams["sales-data"].id == "sales-data"


def test_a_change_is_seen_though_size_and_name_are_the_same(write: Write) -> None:
    """A file that changes at once after it was read, to the same size, is read again."""
    root = write({})
    for version in ("1.0.1", "1.0.2", "1.0.3"):
        place = root / CONTRACT
        text = place.read_text()
        start = text.index("version: ") + 9
        place.write_text(text[:start] + version + text[start + 5 :])
        assert load_estate(root).contracts["sales.orders.lines"].version == version


def test_references_are_judged_when_only_the_other_end_changed(write: Write) -> None:
    """The cache remembers files, never the verdict on the whole: removing a team breaks the product that names it."""
    root = write({})
    assert said_of(root) == ""
    (root / "teams.yaml").write_text((root / "teams.yaml").read_text().replace("id: sales-data", "id: sales-dat"))

    assert "FH-V202  sales/orders/product.odps.yaml:7:14" in said_of(root)
    (root / "teams.yaml").unlink()
    assert "FH-V202  sales/orders/product.odps.yaml:7:14" in said_of(root)


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "replaced", "another version", "a folder"])
def test_a_damaged_cache_is_made_anew(damage: str, write: Write) -> None:
    """Whatever happened to the cache, the estate is the right one, and the cache is whole again after."""
    root = write({})
    expected = everything(load_estate(root))
    place = root / PLACE
    stored = place.read_bytes()
    where = random.Random(7).randrange(stored.index(b"\n") + 1, len(stored))
    if damage == "a folder":
        place.unlink()
        place.mkdir()
    else:
        place.write_bytes({
            "cut": stored[: len(stored) // 2],
            "flipped": stored[:where] + bytes([stored[where] ^ 1]) + stored[where + 1 :],
            "emptied": b"", "replaced": b'{"version": 1}\n[]',
            "another version": stored.replace(b'"version": "', b'"version": "x', 1),
        }[damage])  # fmt: skip

    assert everything(load_estate(root)) == expected
    if damage != "a folder":
        assert len(recall(root)) == 4


def test_a_cache_that_cannot_be_written_is_no_error(write: Write) -> None:
    """A read-only checkout loads like any other."""
    root = write({})
    (root / ".freehold").write_text("a file where a folder should be")

    assert load_estate(root).id == "small"


def test_nothing_is_written_without_a_cache(write: Write) -> None:
    """With the cache switched off, loading leaves no trace."""
    root = write({})
    load_estate(root, cache=False)

    assert not (root / ".freehold").exists()


def test_a_file_that_may_not_be_read_is_an_error_of_the_environment(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No right to read: the error names the file and ends with the exit code of the environment."""

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(FreeholdError) as caught:
        load_estate(write({}), cache=False)

    assert (caught.value.code, caught.value.exit_code) == ("FH-V002", 3)
    assert "Permission denied" in caught.value.problem


def test_a_file_name_that_is_no_text_is_told(write: Write) -> None:
    """A name that is not UTF-8 is one error that can be printed."""
    root = write({})
    try:
        (root / "caf\udce9.yaml").write_text("a: 1\n")
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system takes no such names")

    assert said_of(root).startswith("FH-V002  caf\ufffd.yaml\n")


def test_a_folder_without_an_estate_is_told(tmp_path: Path) -> None:
    """Loading a folder that is no estate is an error of usage that names the way to one."""
    with pytest.raises(FreeholdError) as caught:
        load_estate(tmp_path)

    assert (caught.value.code, caught.value.exit_code) == ("FH-V001", 2)


def test_a_repository_of_git_takes_a_scaffold(tmp_path: Path) -> None:
    """A folder that holds nothing but .git counts as empty."""
    (tmp_path / "fresh" / ".git").mkdir(parents=True)
    write_new(tmp_path / "fresh", scaffold("Fresh", date(2024, 1, 8)))

    assert load_estate(tmp_path / "fresh").id == "fresh"


def test_links_to_folders_are_not_followed(write: Write) -> None:
    """A link that leads back up does not send the walk in circles."""
    root = write({})
    (root / "loop").symlink_to(root, target_is_directory=True)

    assert len(load_estate(root).contracts) == 1


def test_the_estate_is_found_from_below(write: Write, tmp_path_factory: pytest.TempPathFactory) -> None:
    """From any folder inside, the nearest estate.yaml above counts; outside, the error names `freehold init`."""
    root = write({})

    assert find_estate(root / "sales" / "orders") == root
    with pytest.raises(FreeholdError, match=r"No estate\.yaml") as caught:
        find_estate(tmp_path_factory.mktemp("elsewhere"))
    assert (caught.value.code, caught.value.exit_code, "freehold init" in caught.value.fix) == ("FH-V001", 2, True)


def test_many_dangling_references_are_told_in_good_time(tmp_path: Path) -> None:
    """Two thousand references into nothing, among two thousand names, take seconds, not minutes."""
    files = scaffold("Large", date(2024, 1, 8))
    team = "---\napiVersion: freehold.dev/v1\nkind: Team\nmetadata: {{id: team-{0}}}\nspec: {{parent: nobody-{0}}}\n"
    files["many.yaml"] = "".join(team.format(i) for i in range(2000))
    write_new(tmp_path / "large", files)
    started = time.process_time()

    said = said_of(tmp_path / "large")

    assert said.count("FH-V202") == 2000
    assert time.process_time() - started < 15


def test_the_example_by_its_parts(tmp_path: Path) -> None:
    """The scaffold holds one of each kind that a first estate needs, and nothing is to be found fault with."""
    write_new(tmp_path / "first", scaffold("First: estate #1", date(2024, 1, 8)))
    estate = load_estate(tmp_path / "first")

    assert (estate.id, estate.name, estate.findings) == ("first-estate-1", "First: estate #1", ())
    assert sorted(estate.models) == ["shop.orders.orders"]
    landing = estate.contracts["shop.orders.raw_orders"].servers[0]
    assert (landing.settings["path"], landing.type) == ("landing/orders/{date}.csv", "local")
    assert len(list((tmp_path / "first" / "landing" / "orders").glob("2024-01-0?.csv"))) == 7
