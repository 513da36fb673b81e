"""M1, resources: what a team declares in git."""
