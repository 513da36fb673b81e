"""M5: KPIs computed from recorded evidence, as of any time. Nobody types one in."""

from freehold.insight.kpi import (
    Kpi,
    KpiItem,
    KpiValue,
    Period,
    State,
    builtin_kpis,
    compute,
    load_kpi,
)

__all__ = ["Kpi", "KpiItem", "KpiValue", "Period", "State", "builtin_kpis", "compute", "load_kpi"]
