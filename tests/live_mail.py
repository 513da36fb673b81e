"""A mail server on loopback: a real SMTP server, which keeps what it is given and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from freehold.connect.messages import MailServer
from live_server import free_port

USER, PASSWORD = "freehold", "p-1234"


@dataclass
class Mailbox:
    """What came, to whom; `failing` are answers that are given first; while `held` is set, none is given at all."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)
    signed_in: list[str] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)

    async def handle_DATA(self, _: Any, __: Any, envelope: Envelope) -> str:
        """Take a mail."""
        if self.failing:
            return self.failing.pop(0)
        made = message_from_bytes(envelope.original_content or b"", policy=default)
        assert isinstance(made, EmailMessage)
        self.mails.append(made)
        self.recipients += envelope.rcpt_tos
        if self.held.is_set():
            import asyncio

            await asyncio.Event().wait()  # the connection ends with whoever waits for the answer
        return "250 OK"

    def server(self, password: str = "", host: str = "127.0.0.1") -> MailServer:
        """Return it as an estate names it; with the reference of a password, somebody signs in."""
        return MailServer("smtp", host, self.port, USER if password else "", password, "freehold@example.com")

    def authenticate(self, _: Any, __: Any, ___: Any, ____: str, said: Any) -> AuthResult:
        """Let in who knows the password."""
        is_well = (said.login, said.password) == (USER.encode(), PASSWORD.encode())
        self.signed_in += [USER] if is_well else []
        return AuthResult(success=is_well, handled=False)


@contextmanager
def mailing(host: str = "127.0.0.1") -> Iterator[Mailbox]:
    """Run a mail server while the block runs."""
    one = Mailbox(free_port())
    controller = Controller(one, host, one.port, authenticator=one.authenticate, auth_require_tls=False)
    controller.start()
    try:
        yield one
    finally:
        controller.stop(no_assert=True)
