"""Telling a channel of a matter, in the way of each: PagerDuty, Slack, Teams, webhooks, Apprise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from freehold.connect.messages import Channel, Said
from freehold.connect.messages.posting import Posting
from freehold.connect.messages.rendering import blocks, reply_blocks, settled_blocks
from freehold.connect.paging.deciding import FOLLOW, POST, Act, Told
from freehold.connect.paging.page import Page, happened
from freehold.connect.paging.pagerduty import ENQUEUE, event_of
from freehold.foundation import FreeholdError, Transient
from freehold.foundation.secrets import resolved


def tell(posting: Posting, channel: Channel, page: Page, act: Act, told: Told, words: Callable[[str], str]) -> Said:
    """Tell a channel of a matter, and return what the message is called.

    Args:
        posting: what posts.
        channel: who is told.
        page: the matter, as it is now.
        act: what is told of it.
        told: what the channel was told before.
        words: what returns words of the side store by their id.

    Raises:
        FreeholdError: FH-X321 nobody takes it now (transient); FH-X322 it is refused; FH-E370, FH-E371 of Apprise; as
            `Posting.post` does.
    """
    if channel.to == "pagerduty":
        enqueue(posting, channel, ENQUEUE, event_of(page, act.what, routing_key_of(posting, channel)))
        return Said()
    if channel.to == "webhook":
        last = act.steps[-1]
        kind = act.steps[0].kind if act.what == POST else last.kind  # what it hears of first is open, whatever followed
        said = {"type": f"freehold.page.{kind}", "said": happened(act.steps, words), **page.to_json()}
        posting.signed(channel, said, f"{page.matter.id} {last.id}")
        return Said()
    if act.what != FOLLOW:
        return posting.post(channel, page.message())
    if channel.to == "slack" and told.said.message:
        _follow(posting, channel, page, told.said, happened(act.steps, words))
    else:
        posting.post(channel, page.followed(happened(act.steps, words)))
    return told.said


def routing_key_of(posting: Posting, channel: Channel) -> str:
    """Return the integration key of a service of PagerDuty; raises FH-S002 where it is not there."""
    return str(resolved(channel.routing_key, channel.where, root=posting.root))


def enqueue(posting: Posting, channel: Channel, place: str, said: dict[str, Any]) -> None:
    """Send an event to PagerDuty; raises as `Posting.post` does."""
    posting.sent(channel, f"{channel.url}{place}", {}, json.dumps(said, ensure_ascii=False).encode())


def _follow(posting: Posting, channel: Channel, page: Page, said: Said, words: str) -> None:
    """Have the message say how it stands, then say in its thread what happened: the first comes to the same twice."""
    message = page.message()
    shown = settled_blocks(message) if page.matter.has_ended else blocks(message)
    at = {"channel": said.conversation, "ts": said.message}
    try:
        posting.slack(channel, "chat.update", {**at, "text": message.heading, "blocks": shown})
    except Transient:
        raise
    except FreeholdError as error:  # somebody deleted it, or it is too old: the thread is told all the same
        if error.code != "FH-X322":
            raise
    reply = {"channel": said.conversation, "thread_ts": said.message, "text": message.heading}
    posting.slack(channel, "chat.postMessage", {**reply, "blocks": reply_blocks(words or message.heading)})
