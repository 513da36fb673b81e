"""Webhooks: events of the ledger, sent to who subscribes, in the order of the ledger, at least once.

`dispatcher.py` decides whose turn it is, `turn.py` is one subscription's turn, `sending.py` one attempt. What became of
each attempt is kept before the next one begins, so that a process that is killed repeats at most the one in flight.
"""
