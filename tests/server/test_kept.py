"""What is made for one and given to all: once, not for long, never past a change, each with their own name on it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import guarded_estate
from changing_estates import freehold
from freehold.server.identity import Who
from freehold.server.kept import Kept, Slow
from live_server import PAGE, Running, known_as

SHARED = (
    "/products", "/products/shop.orders", "/metrics", "/metrics/shop.revenue", "/kpis", "/search?q=revenue",
    "/lineage?of=asset:shop.orders.orders", "/deployments?kind=all",
)  # fmt: skip


class Time:
    """A clock that stands."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    """Return a clock that stands."""
    return Time()


@pytest.fixture
def kept(time: Time) -> Kept[str]:
    """A store of texts that weigh what they are long."""
    return Kept(len, time)


def test_it_is_made_once_and_again_after_two_seconds(kept: Kept[str], time: Time) -> None:
    """Not a moment longer."""
    made = iter("abc")
    found = [kept.get("x", lambda: next(made))]
    time.now = 1.9
    found += [kept.get("x", lambda: next(made)), kept.there("x") or ""]
    time.now = 2.0
    assert kept.there("x") is None
    assert [*found, kept.get("x", lambda: next(made)), kept.get("y", lambda: next(made))] == ["a", "a", "a", "b", "c"]


def test_many_who_ask_at_once_have_it_made_once(kept: Kept[str]) -> None:
    """All but one wait for that one."""
    begun, go_on, made = threading.Event(), threading.Event(), []

    def make() -> str:
        begun.set()
        assert go_on.wait(60)
        made.append(1)
        return "a"

    with ThreadPoolExecutor(8) as many:
        asked = [many.submit(kept.get, "x", make) for _ in range(8)]
        assert begun.wait(60)
        go_on.set()
        assert {one.result(60) for one in asked} == {"a"}
    assert len(made) == 1


def test_what_failed_is_not_kept(kept: Kept[str]) -> None:
    """Whoever comes next tries again."""

    def fail() -> str:
        raise LookupError

    with pytest.raises(LookupError):
        kept.get("x", fail)
    assert kept.get("x", lambda: "a") == "a"


def test_what_was_begun_before_a_change_is_given_to_nobody_after_it(kept: Kept[str], time: Time) -> None:
    """Even where it is ready only afterwards."""

    def make() -> str:
        kept.clear()
        return "before"

    time.now = 1.0
    assert kept.get("x", make) == "before"  # to who asked before
    assert kept.there("x") is None
    time.now = 1.1
    assert kept.get("x", lambda: "after") == "after"
    assert kept.there("x") == "after"


def test_memory_is_bounded(kept: Kept[str]) -> None:
    """What is very large is kept for nobody; of all others the oldest go first."""
    kept.get("huge", lambda: "h" * 2_000_001)
    assert kept.there("huge") is None
    for n in range(20):
        kept.get(n, lambda: "x" * 2_000_000)
    assert [n for n in range(20) if kept.there(n)] == list(range(4, 20))


@pytest.mark.parametrize("path", SHARED)
def test_everybody_is_named_on_their_own_page_alone(server: Running, path: str) -> None:
    """Who comes second gets what was made for the first, but for the name; which is escaped."""
    with known_as(server, "user:idp/ann<b>", **PAGE) as ann, known_as(server, "user:idp/bob", **PAGE) as bob:
        pages = [reader.get(path).text for reader in (ann, bob, ann)]
    named = [re.findall(r'<p class="who" title="(.*?)">(.*?) ·', text) for text in pages]
    assert named == [[("user:idp/ann&lt;b&gt;", "ann&lt;b&gt;")], [("user:idp/bob", "bob")], named[0]]
    assert all("principal-" not in text for text in pages)


def test_readers_who_see_the_same_cost_what_one_costs(own_server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """And each is counted as a reader of the page, and of the values on it, all the same."""
    served = own_server.app.state.served
    made: list[object] = []
    taken: list[str] = []
    keep, saw, used = served.pages._keep, served.views.saw, served.usage.seen

    def counting(key: object, held: object) -> None:
        made.append(key)
        keep(key, held)

    def seeing(who: Who, page: str, *of: str | None) -> None:
        taken.append(f"{who.principal} saw {page}")
        saw(who, page, *of)

    def using(answer: object, who: Who, **said: str) -> None:
        taken.append(f"{who.principal} used")
        used(answer, who, **said)

    with known_as(own_server, "user:idp/ann", **PAGE) as ann, known_as(own_server, "user:idp/bob", **PAGE) as bob:
        ann.get("/products")  # the estate is read
        monkeypatch.setattr(served.pages, "_now", Time())
        monkeypatch.setattr(served.pages, "_keep", counting)
        monkeypatch.setattr(type(served.views), "saw", lambda _, *said: seeing(*said))
        monkeypatch.setattr(type(served.usage), "seen", lambda _, *said, **more: using(*said, **more))
        assert {reader.get("/metrics/shop.revenue").status_code for reader in (ann, bob, ann)} == {200}
    assert len(made) == 1
    assert taken == [f"user:idp/{name} {did}" for name in ("ann", "bob", "ann") for did in ("saw metric", "used")]


def test_who_waits_for_a_page_keeps_nobody_from_another(own_server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many want a page that takes long: one thread makes it, and none is held by those who wait for it."""
    served = own_server.app.state.served
    keep, waiting, go_on = served.pages._keep, threading.Semaphore(0), threading.Event()

    def keeping(key: object, held: object) -> None:
        waiting.release()
        assert go_on.wait(60)
        keep(key, held)

    with known_as(own_server, "user:idp/ann", **PAGE) as ann, ThreadPoolExecutor(20) as readers:
        ann.get("/products")  # the estate is read, and who ann is
        served.pages.clear()
        monkeypatch.setattr(served.pages, "_keep", keeping)
        try:
            slow = [readers.submit(ann.get, "/products") for _ in range(20)]
            assert waiting.acquire(timeout=60)
            home = ann.get("/")
        finally:
            go_on.set()
        told = {one.result().status_code for one in slow}

    assert (home.status_code, told) == (200, {200})


def test_what_a_reader_changed_is_on_their_next_page(own_server: Running) -> None:
    """A request that may change something throws away what was kept."""
    served = own_server.app.state.served
    with own_server.signed_in(**PAGE) as client:
        client.get("/products")
        assert served.pages._held
        client.post("/homes", data={"role": "dataops"})
        assert not served.pages._held


@pytest.fixture(scope="module")
def told_apart(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over products of which some may ask metrics, and others only see."""
    root: Path = tmp_path_factory.mktemp("apart") / "guarded"
    guarded_estate.write(root)
    product = root / "works" / "wolfram" / "product.odps.yaml"
    product.write_text(guarded_estate.product_file("works.wolfram", "{ask: [member]}"))
    assert freehold(root, "run").returncode == 0
    return serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})


def test_where_people_may_be_told_different_things_each_has_their_own(told_apart: Running) -> None:
    """Two who see the same products, of whom one may ask: what is kept for one is not given to the other."""
    served = told_apart.app.state.served
    with (
        known_as(told_apart, "user:idp/mona", "group:idp/metals", **PAGE) as member,
        known_as(told_apart, "user:idp/x", "group:idp/readers", **PAGE) as other,
    ):
        assert {one.get("/products").status_code for one in (member, other)} == {200}
    eyes = {key[1] for key in served.pages._held}
    assert {caller.principal for caller in eyes if caller} == {"user:idp/mona", "user:idp/x"}


def test_what_takes_long_is_made_again_the_later_the_longer_it_takes() -> None:
    """Fifty times what it takes, two seconds at least; at once where it is of something else."""
    at, made = [100.0], list[float]()

    def make(takes: float) -> Callable[[], int]:
        def do() -> int:
            at[0] += takes
            made.append(at[0])
            return len(made)

        return do

    slow, one, other = Slow[int](lambda: at[0]), object(), object()
    assert slow.get(one, make(1.0)) == 1
    at[0] += 49
    assert slow.get(one, make(1.0)) == 1
    at[0] += 1
    assert slow.get(one, make(0.01)) == 2
    at[0] += 1.9
    assert slow.get(one, make(0.01)) == 2
    assert slow.get(other, make(0.01)) == 3


def test_a_failure_is_not_kept() -> None:
    """Whoever asks next has it made."""
    slow, one = Slow[int](), object()
    with pytest.raises(ZeroDivisionError):
        slow.get(one, lambda: 1 // 0)
    assert slow.get(one, lambda: 1) == 1


def test_who_asks_while_it_is_made_anew_is_given_the_one_before() -> None:
    """One makes it; nobody waits for them, but where there is none yet."""
    at, is_free, one = [100.0], threading.Event(), object()
    slow, began = Slow[str](lambda: at[0]), threading.Event()

    def slowly() -> str:
        began.set()
        is_free.wait()
        return "new"

    assert slow.get(one, lambda: "old") == "old"
    at[0] += 10
    with ThreadPoolExecutor(1) as aside:
        made = aside.submit(slow.get, one, slowly)
        began.wait()
        assert [slow.get(one, slowly) for _ in range(3)] == ["old"] * 3
        is_free.set()
        assert made.result() == "new"
    assert slow.get(one, lambda: "newer") == "new"


def test_who_finds_nothing_waits_for_who_makes_it() -> None:
    """It is made once for all of them."""
    slow, one, made = Slow[int](lambda: 100.0), object(), list[int]()

    def make() -> int:
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(8) as many:
        assert set(many.map(lambda _: slow.get(one, make), range(40))) == {1}
