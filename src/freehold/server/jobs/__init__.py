"""Jobs: commands done in the background, in the name of whoever asked, one at a time, none lost.

`kinds` says which commands may be asked for, `desk` takes them, `runner` has them done one after the other in a process
each (`child`), `telling` tells whoever watches. What is kept of them is the state's (`freehold.ledger.jobs`).
"""
