"""In and out, above the rooms it feeds: one folder a peer."""
