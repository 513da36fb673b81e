"""What other tools tell of themselves, read into values of ours: a package a tool."""
