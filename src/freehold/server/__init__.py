"""The server: pages for people, an API for programs, over the same readings."""
