"""Messages in the forms of Slack (Block Kit) and Teams (Adaptive Cards). Pure. Words of people stay plain text."""

from __future__ import annotations

from typing import Any

from freehold.connect.messages.message import Button, Message

YES, NO, OPEN = "approve", "decline", "open"  # what a button does
WHY = "why"  # the window that asks for a reason
_LONGEST = 2_900  # characters of a text; Slack takes 3,000
_HEADING = 150


def blocks(message: Message) -> list[dict[str, Any]]:
    """Return a message in Block Kit: heading, facts, buttons."""
    buttons = [_button(one) for one in message.buttons]
    if message.url:
        buttons.append({"type": "button", "action_id": OPEN, "text": _plain("Open"), "url": message.url})
    actions = [{"type": "actions", "elements": buttons}] if buttons else []
    return [*_words(message), *actions]


def settled_blocks(message: Message) -> list[dict[str, Any]]:
    """Return a message of which nothing waits any more: without buttons."""
    return _words(message)


def reply_blocks(text: str) -> list[dict[str, Any]]:
    """Return what is said in a thread: words alone, which mean nobody and link nowhere, whatever stands in them."""
    return [{"type": "section", "text": _plain(text[:_LONGEST])}]


def modal(heading: str, value: str) -> dict[str, Any]:
    """Return the window that asks for a reason; `value` comes back with it."""
    field = {"type": "plain_text_input", "action_id": "text", "multiline": True, "max_length": 2_000}
    return {
        "type": "modal",
        "callback_id": WHY,
        "private_metadata": value,
        "title": _plain("Decline"),
        "submit": _plain("Decline"),
        "close": _plain("Back"),
        "blocks": [
            {"type": "section", "text": _plain(heading[:_LONGEST])},
            {"type": "input", "block_id": WHY, "label": _plain("Why?"), "element": field},
        ],
    }


def adaptive_card(message: Message) -> dict[str, Any]:
    """Return a message as an Adaptive Card, in the envelope that workflows of Teams take."""
    body = [{"type": "TextBlock", "text": message.heading[:_LONGEST], "weight": "Bolder", "wrap": True}]
    body += [{"type": "TextBlock", "text": line[:_LONGEST], "wrap": True} for line in message.lines]
    opening = [{"type": "Action.OpenUrl", "title": "Open", "url": message.url}] if message.url else []
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": opening,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}


def _words(message: Message) -> list[dict[str, Any]]:
    heading = {"type": "header", "text": _plain(message.heading[:_HEADING])}
    return [heading, *({"type": "section", "text": _plain(line[:_LONGEST])} for line in message.lines)]


def _button(one: Button) -> dict[str, Any]:
    action, style = (YES, "primary") if one.is_yes else (NO, "danger")
    value = f"{'why' if one.asks_why else 'now'} {one.value}"
    return {"type": "button", "action_id": action, "style": style, "text": _plain(one.text), "value": value}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
