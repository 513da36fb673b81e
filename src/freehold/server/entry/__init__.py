"""Ways in: a link for whoever starts the server, an identity provider for a team, tokens for programs."""
