"""`/openlineage`: where other tools tell what they did, and where what was told can be read."""
