"""Decisions where people are: told in channels, made in Slack with the rights of whoever presses the button."""
