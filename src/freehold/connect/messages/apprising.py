"""Apprise: a hundred services behind one address each. An extra: it is imported when a channel of it is told.

Apprise calls out by itself, past the rules for addresses; its address is a secret that whoever runs this gave. It says
that something failed, and not whether that passes, so a failure is taken for one that does.
"""

from __future__ import annotations

import logging

from freehold.connect.messages.declared import Channel
from freehold.connect.messages.failing import passing
from freehold.connect.messages.message import Message
from freehold.foundation import Exit, FreeholdError

TIMEOUT_S = 10.0


def notify(channel: Channel, url: str, message: Message) -> None:
    """Tell what an address of Apprise leads to.

    Args:
        channel: whose address it is.
        url: the address, in which its secrets are.
        message: what is told; buttons are left out.

    Raises:
        FreeholdError: FH-E370 Apprise is not installed; FH-E371 it does not know the address; FH-X321 nobody took it.
    """
    try:
        from apprise import Apprise, AppriseAsset
    except ImportError as error:
        raise FreeholdError(
            "FH-E370", f"`{channel.id}` is told by Apprise, which is not installed.", where=channel.where,
            fix="pip install 'freehold[apprise]'", exit_code=Exit.ENVIRONMENT,
        ) from error  # fmt: skip
    logging.getLogger("apprise").disabled = True  # it would log addresses, which are secrets
    to = Apprise(asset=AppriseAsset(app_id="Freehold", app_desc="Freehold", service_timeout=TIMEOUT_S))
    if not to.add(url):
        raise FreeholdError(
            "FH-E371", f"What `{channel.url}` names is no address that Apprise knows.", where=channel.where,
            fix="Write it as Apprise documents it: `mailtos://…`, `tgram://…`.", exit_code=Exit.ENVIRONMENT,
        )  # fmt: skip
    body = "\n\n".join((*message.lines, *((message.url,) if message.url else ())))
    if not to.notify(title=message.heading, body=body or message.heading):
        raise passing(channel, "did not take it")
