"""M2: what happened. Append, seal, verify, read; the only input of KPIs and the only audit trail."""
