"""Whose relations are whose: which ledger tells of an environment, and what in its schemas is not ours to overwrite.

What stands where a view of ours is to be is moved aside, never dropped, and only where somebody said so; whoever may
read it may read the view in its place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from freehold.delivery.release import SYSTEM
from freehold.engines import Relation, Right, Session, quoted
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.delivery.publication import Publication

OWNER = (
    f"CREATE TABLE IF NOT EXISTS {SYSTEM}.owner (env VARCHAR PRIMARY KEY, ledger VARCHAR NOT NULL, "
    "is_usual BOOLEAN NOT NULL, is_protected BOOLEAN NOT NULL)"
)
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Taking:
    """What publishing one asset does to the relation that consumers find it by.

    Attributes:
        what: `create`, `replace` (it is ours already) or `take over` (it is somebody else's, and is moved aside).
        aside: the name that what stands there is moved to.
        rights: who may read it today. Of a relation that is taken over they are given on the view that takes its place.
        standing: what stands on it: moved aside, these go on reading it there.
        statements: as the engine is given them, but for the table behind the view, which is built first.
    """

    asset: str
    relation: Relation
    what: str
    was: str = ""
    aside: str = ""
    rights: tuple[Right, ...] = ()
    standing: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "asset": self.asset,
            "relation": str(self.relation),
            "what": self.what,
            "was": self.was or None,
            "moved_to": self.aside or None,
            "rights_kept": [str(right) for right in self.rights],
            "stands_on_it": list(self.standing),
            "statements": list(self.statements),
        }


def takings(session: Session, env: str, wanted: Mapping[str, Relation]) -> tuple[Taking, ...]:
    """Return what publishing assets for the first time would do in a warehouse; nothing is done.

    Args:
        session: to read its catalog by.
        env: the environment.
        wanted: where consumers are to find each asset.
    """
    ours = _published(session, env)
    there = _standing(session, (relation.schema for relation in wanted.values()))
    return tuple(_taking(session, asset, relation, ours, there) for asset, relation in wanted.items())


def expect_free(session: Session, publication: Publication, wanted: Mapping[str, Relation]) -> None:
    """Make sure that nothing of somebody else's stands where assets are to be published for the first time.

    Raises:
        FreeholdError: FH-D223 something does; it is named, and how to have it moved aside.
    """
    there = _standing(session, (relation.schema for relation in wanted.values()))
    taken = [there[r.schema, r.name] for r in wanted.values() if (r.schema, r.name) in there]
    if taken:
        more = f" and {len(taken) - _MOST_NAMED} more" if len(taken) > _MOST_NAMED else ""
        named = ", ".join(f"{relation} (a {relation.kind})" for relation in taken[:_MOST_NAMED])
        raise FreeholdError(
            "FH-D223",
            f"Something that Freehold did not make stands where `{publication.env}` is to publish: {named}{more}; "
            "nothing was published.",
            fix="To have it moved aside, with all its rows, and its rights given on the views: freehold apply "
            "--take-over. `freehold plan --relations` lists all of it first.",
            exit_code=Exit.FINDING,
        )


def move_aside(session: Session, relation: Relation) -> tuple[Right, ...]:
    """Move what stands in the place of a view of ours aside; return the rights to give on the view. In a transaction.

    What is not there needs no moving.
    """
    there = _standing(session, (relation.schema,))
    found = there.get((relation.schema, relation.name))
    if found is None:
        return ()
    rights = session.rights(found)
    session.rename(found, _aside(found, there))
    return rights


def claim(session: Session, publication: Publication, ledger: str, *, is_usual: bool, is_protected: bool) -> None:
    """Say whose environment this is: which ledger tells of it, whether its relations bear no prefix.

    Raises:
        FreeholdError: FH-D219 it is protected, and another ledger's; FH-D220 another environment shows relations
            without a prefix here.
    """
    env = publication.env
    if "owner" not in {r.name for r in session.relations(SYSTEM)}:  # a warehouse from before there were owners
        session.run(OWNER)
    known = {row[0]: row[1:] for row in session.rows(f"SELECT env, ledger, is_usual, is_protected FROM {SYSTEM}.owner")}
    mine, wanted = known.get(env), (ledger, is_usual, is_protected)
    if mine is not None and mine[2] and mine[0] != ledger:
        raise _of_another_ledger(env)
    others = [other for other, (_, usual, _) in known.items() if usual and other != env] if is_usual else []
    if others and not publication.environments(session).keys().isdisjoint(others):
        raise _shown_by_another(env, others[0])
    if mine != wanted:
        session.run(
            f"INSERT INTO {SYSTEM}.owner VALUES (?, ?, ?, ?) ON CONFLICT (env) DO UPDATE SET "
            "ledger = excluded.ledger, is_usual = excluded.is_usual, is_protected = excluded.is_protected",
            (env, *wanted),
        )


def protected(session: Session, publication: Publication) -> frozenset[str]:
    """Return the environments that were protected when somebody last wrote there."""
    if not publication.is_there(session) or "owner" not in {r.name for r in session.relations(SYSTEM)}:
        return frozenset()
    return frozenset(env for (env,) in session.rows(f"SELECT env FROM {SYSTEM}.owner WHERE is_protected"))


def _taking(
    session: Session,
    asset: str,
    relation: Relation,
    ours: Collection[str],
    there: Mapping[tuple[str, str], Relation],
) -> Taking:
    found = there.get((relation.schema, relation.name))
    making = f"CREATE OR REPLACE VIEW {relation.sql} AS SELECT … -- {asset}"
    if found is None:
        return Taking(asset, relation, "create", statements=(_schema(relation), making))
    rights = session.rights(found)
    if asset in ours:
        return Taking(asset, relation, "replace", found.kind, rights=rights, statements=(making,))
    aside = _aside(found, there)
    return Taking(
        *(asset, relation, "take over", found.kind, aside, rights),
        standing=session.standing_on(found),
        statements=(session.renaming(found, aside), making, *(session.granting(relation, r) for r in rights)),
    )


def _schema(relation: Relation) -> str:
    return f"CREATE SCHEMA IF NOT EXISTS {quoted(relation.schema)}"


def _aside(found: Relation, there: Mapping[tuple[str, str], Relation]) -> str:
    """Return a free name beside what stands there."""
    name, count = f"{found.name}__before", 1
    while (found.schema, name) in there:
        count += 1
        name = f"{found.name}__before_{count}"
    return name


def _standing(session: Session, schemas: Iterable[str]) -> dict[tuple[str, str], Relation]:
    return {(r.schema, r.name): r for schema in dict.fromkeys(schemas) for r in session.relations(schema)}


def _published(session: Session, env: str) -> frozenset[str]:
    if "publication" not in {r.name for r in session.relations(SYSTEM)}:
        return frozenset()
    return frozenset(a for (a,) in session.rows(f"SELECT asset FROM {SYSTEM}.publication WHERE env = ?", (env,)))


def _of_another_ledger(env: str) -> FreeholdError:
    return FreeholdError(
        "FH-D219",
        f"`{env}` is protected in this warehouse, and another ledger tells of it; nothing was published.",
        fix="Name that ledger under `state` in estate.yaml (it moves with `freehold ledger migrate`).",
        exit_code=Exit.ENVIRONMENT,
    )


def _shown_by_another(env: str, other: str) -> FreeholdError:
    return FreeholdError(
        "FH-D220",
        f"`{other}` shows its relations without a prefix in this warehouse, and `{env}` would overwrite them; nothing "
        "was published.",
        fix=f"Keep the name `{other}`, or, if it is not protected, take it away: freehold environments drop {other}",
        exit_code=Exit.ENVIRONMENT,
    )
