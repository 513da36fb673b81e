"""The tables of the catalog, in DDL that SQLite and PostgreSQL both take.

Rows are told apart by small numbers, since an edge table of five million rows is walked in milliseconds by numbers and
not by names. `changed` is the number of the last change of an entry: the search index asks for what is newer than the
last change it holds. What is gone keeps its row, so that edges that ended still have their ends. `origin` is empty for
what files say; else it tells what was heard of from other tools, whose tables are called `heard_…`. `moved` has the
entries whose edges are not as they were, with the number of the last such update, for who keeps edges in memory.
"""

from __future__ import annotations

FORMAT = "4"

TABLES = """
CREATE TABLE stamp (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE document (id TEXT PRIMARY KEY, digest TEXT NOT NULL);
CREATE TABLE asset (
    key INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL, product TEXT NOT NULL,
    scope TEXT NOT NULL, domain TEXT NOT NULL, owner TEXT NOT NULL, description TEXT NOT NULL, form TEXT NOT NULL,
    status TEXT NOT NULL, version TEXT NOT NULL, tier INTEGER, replaced_by TEXT NOT NULL, sunset TEXT NOT NULL,
    certified_by TEXT NOT NULL, is_certified INTEGER NOT NULL, viewers INTEGER, tags TEXT NOT NULL, path TEXT NOT NULL,
    line INTEGER NOT NULL,
    digest TEXT NOT NULL, signal INTEGER NOT NULL, changed INTEGER NOT NULL, is_gone INTEGER NOT NULL,
    origin TEXT NOT NULL, UNIQUE (kind, id)
);
CREATE INDEX asset_changed ON asset (changed);
CREATE INDEX asset_id ON asset (id);
CREATE INDEX asset_product ON asset (product, kind);
CREATE INDEX asset_title ON asset (title);
CREATE INDEX asset_scope ON asset (scope);
CREATE TABLE alias (name TEXT NOT NULL, asset INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (name, asset));
CREATE INDEX alias_asset ON alias (asset);
CREATE TABLE field (
    key INTEGER PRIMARY KEY, asset INTEGER NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL, type TEXT NOT NULL,
    description TEXT NOT NULL, classification TEXT NOT NULL, is_key INTEGER NOT NULL, is_gone INTEGER NOT NULL,
    UNIQUE (asset, name)
);
CREATE INDEX field_whole ON field (name) WHERE name IN ('*', '?');
CREATE TABLE job (
    key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, target INTEGER NOT NULL,
    path TEXT NOT NULL, line INTEGER NOT NULL, digest TEXT NOT NULL, origin TEXT NOT NULL
);
CREATE INDEX job_origin ON job (origin);
CREATE TABLE edge (
    source INTEGER NOT NULL, target INTEGER NOT NULL, job INTEGER NOT NULL, how TEXT NOT NULL,
    is_direct INTEGER NOT NULL, step INTEGER NOT NULL, path TEXT NOT NULL, line INTEGER NOT NULL,
    valid_from INTEGER NOT NULL, valid_to INTEGER
);
CREATE INDEX edge_down ON edge (source, is_direct, target, step, valid_to) WHERE valid_to IS NULL;
CREATE INDEX edge_up ON edge (target, is_direct, source, step, valid_to) WHERE valid_to IS NULL;
CREATE INDEX edge_part ON edge (source) WHERE step = 0;
CREATE INDEX edge_job ON edge (job);
CREATE TABLE asset_edge (
    source INTEGER NOT NULL, target INTEGER NOT NULL, job INTEGER NOT NULL, valid_from INTEGER NOT NULL,
    valid_to INTEGER
);
CREATE INDEX asset_edge_down ON asset_edge (source, target, valid_to) WHERE valid_to IS NULL;
CREATE INDEX asset_edge_up ON asset_edge (target, source, valid_to) WHERE valid_to IS NULL;
CREATE INDEX asset_edge_job ON asset_edge (job);
CREATE TABLE moved (entry INTEGER PRIMARY KEY, at INTEGER NOT NULL);
CREATE INDEX moved_at ON moved (at);
CREATE TABLE live (
    asset TEXT PRIMARY KEY, deployment TEXT NOT NULL, published_at INTEGER NOT NULL,
    deployments INTEGER NOT NULL, is_pinned INTEGER NOT NULL
);
CREATE TABLE badge (
    entry TEXT NOT NULL, rule_set TEXT NOT NULL, is_held INTEGER NOT NULL, PRIMARY KEY (entry, rule_set)
) WITHOUT ROWID;
CREATE TABLE waiting (
    asset TEXT NOT NULL, interval TEXT NOT NULL, candidate TEXT NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (asset, interval)
);
CREATE TABLE usage_day (
    entry TEXT NOT NULL, day TEXT NOT NULL, reader TEXT NOT NULL, actor_kind TEXT NOT NULL, reads INTEGER NOT NULL,
    PRIMARY KEY (entry, day, reader)
);
CREATE INDEX usage_by_day ON usage_day (day);
CREATE TABLE heard_job (
    id TEXT PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, said TEXT NOT NULL, happened INTEGER NOT NULL
);
CREATE INDEX heard_job_name ON heard_job (namespace, name);
CREATE TABLE heard_run (
    job TEXT NOT NULL, run TEXT NOT NULL, said TEXT NOT NULL, happened INTEGER NOT NULL, PRIMARY KEY (job, run)
);
CREATE INDEX heard_run_id ON heard_run (run);
CREATE TABLE heard_set (
    id TEXT PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, said TEXT NOT NULL, happened INTEGER NOT NULL
);
CREATE INDEX heard_set_name ON heard_set (namespace, name);
CREATE TABLE heard_link (name TEXT NOT NULL, other TEXT NOT NULL, PRIMARY KEY (name, other));
CREATE INDEX heard_link_back ON heard_link (other);
CREATE TABLE heard_use (job TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (job, name));
CREATE INDEX heard_use_of ON heard_use (name);
CREATE TABLE heard_producer (
    producer TEXT PRIMARY KEY, events INTEGER NOT NULL, warned INTEGER NOT NULL, last_at INTEGER NOT NULL,
    warning TEXT NOT NULL, warned_at INTEGER NOT NULL
);
"""

# What the ledger tells: made anew when the ledger is another one than before.
OF_THE_LEDGER = (
    "live", "waiting", "badge", "usage_day", "heard_job", "heard_run", "heard_set", "heard_link", "heard_use",
    "heard_producer",
)  # fmt: skip
