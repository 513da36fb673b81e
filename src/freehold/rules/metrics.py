"""The facts of metrics. What they are comes from above: a metric is nothing that this room knows."""

from __future__ import annotations

from freehold.rules.facts import Fact, FactTable

METRIC = FactTable(
    "metric",
    {
        "metric": Fact("varchar", "its id: model.metric"),
        "file": Fact("varchar", "the file it is defined in"),
        "status": Fact("varchar", "what its file says: draft, certified, deprecated"),
        "owner": Fact("varchar", "the team that answers for it"),
        "tier": Fact("bigint", "the tier of the most important product it is computed from"),
        "has_description": Fact("boolean", "whether it says what it is"),
        "is_traced": Fact("boolean", "whether each column it stands on is known up to its source"),
        "failing_checks": Fact(
            "bigint", "blocking checks of all it stands on that said no when last run, from evidence"
        ),
        "untraced": Fact("varchar", "the models that cannot be read column by column"),
    },
)
