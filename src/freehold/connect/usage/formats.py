"""The formats in which systems export who read what: which of their columns say what.

Names of columns are those of the documentation of each system, in lower case, with `_` for spaces and dots: so an
export has them whether it was written by SQL, by an API or by a page. Each expression is DuckDB's, over text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["history", "counters", "views"]

BLOCK = 8_192  # bytes: what PostgreSQL writes at once, unless it was built otherwise
_OFFSET = r"'\s*([+-]\d\d):?(\d\d)$', '\1:\2'"  # Snowflake writes -0800, which DuckDB takes with a colon only


def _instant(name: str) -> str:
    return f"TRY_CAST(regexp_replace(trim({name}), {_OFFSET}) AS TIMESTAMPTZ)"


def _number(name: str, type_: str = "DOUBLE") -> str:
    return f"TRY_CAST(nullif(trim({name}), '') AS {type_})"


def _sum(*names: str, type_: str = "DOUBLE") -> str:
    """Return what adds columns up; nothing is known where none of them is told."""
    told = [_number(name, type_) for name in names]
    added = " + ".join(f"coalesce({one}, 0)" for one in told)
    return f"CASE WHEN coalesce({', '.join(told)}) IS NOT NULL THEN {added} END"


@dataclass(frozen=True, slots=True)
class Format:
    """How one system tells of use.

    Attributes:
        name: what `--from` calls it.
        handles: the word under which teams name its accounts in `handles`, and the source of its events.
        kind: what its rows are.
        dialect: in which its statements are written, as sqlglot names it; empty for views.
        needs: columns without which a file is another one.
        told: what is taken from a row, as expressions over columns; a column that a file has not is NULL.
        only: which rows are meant.
        rows_in: the column of a JSON document that holds the rows, where a document may be one object.
        made: how such a file is made, for who has none.
    """

    name: str
    handles: str
    kind: Kind
    dialect: str
    needs: tuple[str, ...]
    told: Mapping[str, str]
    only: str = "true"
    rows_in: str = ""
    made: str = ""
    optional: tuple[str, ...] = field(default=())

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it may read."""
        return (*self.needs, *self.optional)


_SNOWFLAKE = Format(
    name="snowflake",
    handles="snowflake",
    kind="history",
    dialect="snowflake",
    needs=("query_id", "query_text", "user_name", "start_time"),
    optional=(
        "execution_status", "total_elapsed_time", "bytes_scanned", "rows_produced", "database_name", "schema_name",
        "user_type", "queued_provisioning_time", "queued_repair_time", "queued_overload_time",
        "bytes_spilled_to_local_storage", "bytes_spilled_to_remote_storage",
    ),
    told={
        "id": "query_id",
        "occurred_at": _instant("start_time"),
        "account": "user_name",
        "sql": "query_text",
        "ms": _number("total_elapsed_time"),
        "queued_ms": _sum("queued_provisioning_time", "queued_repair_time", "queued_overload_time"),
        "spilled": _sum("bytes_spilled_to_local_storage", "bytes_spilled_to_remote_storage", type_="BIGINT"),
        "bytes": _number("bytes_scanned", "BIGINT"),
        "rows": _number("rows_produced", "BIGINT"),
        "is_ok": "coalesce(upper(execution_status) = 'SUCCESS', true)",
        "within": "concat_ws('.', nullif(database_name, ''), nullif(schema_name, ''))",
        "is_program": (
            "CASE WHEN upper(user_type) LIKE '%SERVICE' THEN true WHEN upper(user_type) = 'PERSON' THEN false END"
        ),
    },
    made="SELECT * FROM snowflake.account_usage.query_history WHERE start_time >= dateadd(day, -7, current_date())",
)  # fmt: skip
_BIGQUERY = Format(
    name="bigquery",
    handles="bigquery",
    kind="history",
    dialect="bigquery",
    needs=("job_id", "query", "user_email", "creation_time"),
    optional=(
        "start_time", "end_time", "error_result", "total_bytes_processed", "statement_type", "job_type", "project_id"
    ),
    told={
        "id": "job_id",
        "occurred_at": _instant("creation_time"),
        "account": "user_email",
        "sql": "query",
        "ms": f"epoch_ms({_instant('end_time')}) - epoch_ms({_instant('start_time')})",
        "queued_ms": f"epoch_ms({_instant('start_time')}) - epoch_ms({_instant('creation_time')})",
        "spilled": "NULL::BIGINT",
        "bytes": _number("total_bytes_processed", "BIGINT"),
        "rows": "NULL::BIGINT",
        "is_ok": "coalesce(nullif(nullif(trim(error_result), ''), 'null'), '') = ''",
        "within": "''",
        "is_program": "CASE WHEN user_email LIKE '%.gserviceaccount.com' THEN true END",
    },
    # A script is told by each of its statements, and once more as a whole.
    only="upper(coalesce(job_type, 'QUERY')) = 'QUERY' AND upper(coalesce(statement_type, '')) <> 'SCRIPT'",
    made="SELECT * EXCEPT (referenced_tables, labels) FROM `region-eu`.INFORMATION_SCHEMA.JOBS WHERE …",
)  # fmt: skip
_DATABRICKS = Format(
    name="databricks",
    handles="databricks",
    kind="history",
    dialect="databricks",
    needs=("statement_id", "statement_text", "executed_by", "start_time"),
    optional=(
        "execution_status", "total_duration_ms", "read_bytes", "produced_rows", "waiting_for_compute_duration_ms",
        "waiting_at_capacity_duration_ms", "spilled_local_bytes",
    ),
    told={
        "id": "statement_id",
        "occurred_at": _instant("start_time"),
        "account": "executed_by",
        "sql": "statement_text",
        "ms": _number("total_duration_ms"),
        "queued_ms": _sum("waiting_for_compute_duration_ms", "waiting_at_capacity_duration_ms"),
        "spilled": _number("spilled_local_bytes", "BIGINT"),
        "bytes": _number("read_bytes", "BIGINT"),
        "rows": _number("produced_rows", "BIGINT"),
        "is_ok": "coalesce(upper(execution_status) = 'FINISHED', true)",
        "within": "''",
        # A service principal is told by the id of its application, a person by an address.
        "is_program": r"CASE WHEN executed_by SIMILAR TO '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' THEN true END",
    },
    made="SELECT * FROM system.query.history WHERE start_time >= date_sub(current_date(), 7)",
)  # fmt: skip
_POSTGRES = Format(
    name="pg_stat_statements",
    handles="postgres",
    kind="counters",
    dialect="postgres",
    needs=("rolname", "queryid", "query", "calls"),
    optional=(
        "datname", "toplevel", "total_exec_time", "total_time", "rows", "stats_since", "search_path", "taken_at",
        "temp_blks_written",
    ),
    told={
        "id": "concat_ws(' ', rolname, coalesce(datname, ''), queryid)",
        "occurred_at": _instant("taken_at"),
        "account": "rolname",
        "sql": "query",
        "calls": _number("calls", "BIGINT"),
        "ms": f"coalesce({_number('total_exec_time')}, {_number('total_time')})",
        "rows": _number("rows", "BIGINT"),
        "spilled": f"{_number('temp_blks_written', 'BIGINT')} * {BLOCK}",
        "since": "coalesce(stats_since, '')",
        "within": "coalesce(search_path, '')",
    },
    # What a function asks inside of itself is told by the statement that called it, too.
    only="lower(coalesce(toplevel, 't')) IN ('t', 'true')",
    made=(
        r"\copy (SELECT r.rolname, d.datname, s.*, now() AS taken_at FROM pg_stat_statements s JOIN pg_roles r"
        r" ON r.oid = s.userid JOIN pg_database d ON d.oid = s.dbid) TO statements.csv CSV HEADER"
    ),
)  # fmt: skip
_LOOKER = Format(
    name="looker",
    handles="looker",
    kind="views",
    dialect="",
    needs=("history_id", "history_created_time", "user_email", "dashboard_title"),
    optional=("dashboard_id", "history_dashboard_session", "history_source", "history_dashboard_id"),
    told={
        # A dashboard asks once for each of its tiles: those of one session are one view.
        "id": "coalesce(nullif(history_dashboard_session, ''), history_id)",
        "occurred_at": _instant("history_created_time"),
        "account": "user_email",
        "names": "[dashboard_title, coalesce(dashboard_id, history_dashboard_id)]",
        "is_program": "CASE WHEN history_source ILIKE 'scheduled%' OR history_source ILIKE '%api%' THEN true END",
    },
    only="coalesce(dashboard_title, '') <> ''",
    made="System Activity, History: ID, Created Time, Dashboard Session, Source, User Email, Dashboard Title and ID",
)
_TABLEAU = Format(
    name="tableau",
    handles="tableau",
    kind="views",
    dialect="",
    needs=("event_date", "event_name", "item_name", "item_type", "actor_user_name"),
    optional=("item_id", "item_luid", "actor_user_id"),
    told={
        # Admin Insights gives events no id: who, what and when, to the second, is one.
        "id": "concat_ws(' ', actor_user_name, coalesce(nullif(item_luid, ''), item_id, item_name), event_date)",
        "occurred_at": _instant("event_date"),
        "account": "actor_user_name",
        "names": "[item_name]",
        "is_program": "NULL::BOOLEAN",
    },
    only="event_name ILIKE 'Access%' AND item_type ILIKE 'View'",
    made="Admin Insights, TS Events: Event Date, Event Name, Item Name, Item Type, Item LUID, Actor User Name",
)
_POWERBI = Format(
    name="powerbi",
    handles="powerbi",
    kind="views",
    dialect="",
    needs=("id", "creationtime", "activity", "userid"),
    optional=("reportname", "dashboardname", "reportid", "dashboardid", "itemname"),
    told={
        "id": "id",
        "occurred_at": _instant("creationtime"),
        "account": "userid",
        "names": "[coalesce(reportname, dashboardname, itemname), coalesce(reportid, dashboardid)]",
        "is_program": "NULL::BOOLEAN",
    },
    only="activity IN ('ViewReport', 'ViewDashboard')",
    rows_in="activityevententities",
    made="Get-PowerBIActivityEvent -StartDateTime … -EndDateTime … | Out-File activity.json, or GET activityevents",
)
FORMATS: Mapping[str, Format] = {
    one.name: one for one in (_BIGQUERY, _DATABRICKS, _LOOKER, _POSTGRES, _POWERBI, _SNOWFLAKE, _TABLEAU)
}
