"""M5: KPIs computed from recorded evidence, as of any time. Nobody types one in."""

from freehold.insight.judging import kpi_findings
from freehold.insight.kpi import Asking, KpiItem, KpiValue, State, compute, items, sliced, statement, trend
from freehold.insight.periods import Period, last_periods, period_named
from freehold.insight.registry import Kpi, builtin_kpis, kpi_named, kpis_of, load_kpi
from freehold.insight.targets import Target

__all__ = [
    "Asking",
    "Kpi",
    "KpiItem",
    "KpiValue",
    "Period",
    "State",
    "Target",
    "builtin_kpis",
    "compute",
    "items",
    "kpi_findings",
    "kpi_named",
    "kpis_of",
    "last_periods",
    "load_kpi",
    "period_named",
    "sliced",
    "statement",
    "trend",
]
