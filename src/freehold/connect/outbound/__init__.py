"""Calling addresses that somebody wrote down: only where they lead to the public internet, or where files allow it.

A name is resolved once, every address it resolves to is checked, and the connection goes to one of those. So neither an
odd spelling nor a name that changes between two looks leads into a network it should not. No redirect is followed. A
proxy of the environment is asked only for addresses that whoever runs this gave: forges, and who people sign in at.
"""

from freehold.connect.outbound.address import ANYWHERE, Outbound, Target, outbound_from, target_of
from freehold.connect.outbound.calling import Reply, Unreached, ask, post

__all__ = ["ANYWHERE", "Outbound", "Reply", "Target", "Unreached", "ask", "outbound_from", "post", "target_of"]
