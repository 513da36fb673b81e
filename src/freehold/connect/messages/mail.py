"""Mail: by one server of the estate's, encrypted wherever it leaves this machine. An address is never written down."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from freehold.foundation import Exit, FreeholdError, Transient, Where
from freehold.foundation.secrets import resolve

TIMEOUT_S = 20.0
_PORTS = {"smtp": 587, "smtps": 465}
_WHERE = Where("estate.yaml")
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server: `password` is a reference, empty where nobody signs in; `sender` is the address mail is from."""

    scheme: str
    host: str
    port: int
    user: str
    password: str
    sender: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one address. Mail of one `id` is one mail, however often it comes."""

    to: str
    subject: str
    text: str
    html: str
    id: str


def mail_server_of(said: Mapping[str, Any]) -> MailServer | None:
    """Return the mail server that an estate names in `spec.server.mail`; None where it names none."""
    if not said:
        return None
    parts = urlsplit(str(said["url"]))
    port = parts.port or _PORTS[parts.scheme]
    user, password = unquote(parts.username or ""), str(said.get("password", ""))
    return MailServer(parts.scheme, parts.hostname or "", port, user, password, str(said["from"]))


def send_mail(server: MailServer, mail: Mail, root: Path) -> None:
    """Send a mail.

    Args:
        server: by which.
        mail: what.
        root: what files of secrets are relative to.

    Raises:
        FreeholdError: FH-X501 the server does not answer, or not now (transient); FH-X502 it refuses; FH-S002 the
            password is not there.
    """
    password = resolve(server.password, root=root, where=_WHERE).reveal() if server.password else ""
    try:
        with _connected(server) as smtp:
            if server.user:
                smtp.login(server.user, password)
            smtp.send_message(_written(server, mail))
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise _wrong(server, min(codes, default=550), "takes no mail for this address") from error
    except smtplib.SMTPResponseException as error:
        raise _wrong(server, error.smtp_code, "refuses it") from error
    except (smtplib.SMTPNotSupportedError, ssl.SSLError) as error:
        raise _refused(server, f"cannot be spoken to safely: {error}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise _passing(server, f"does not answer: {error}") from error


def _connected(server: MailServer) -> smtplib.SMTP:
    if server.scheme == "smtps":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=ssl.create_default_context())
    smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    try:
        if server.host not in _HERE:
            smtp.starttls(context=ssl.create_default_context())
    except BaseException:
        smtp.close()
        raise
    return smtp


def _written(server: MailServer, mail: Mail) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"] = server.sender, mail.to
    made["Subject"] = " ".join(mail.subject.split())
    digest = hashlib.sha256(f"{mail.id}\n{mail.to}".encode()).hexdigest()[:32]
    made["Message-ID"] = f"<{digest}@{server.sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer of a machine is wanted
    made.set_content(mail.text)
    if mail.html:
        made.add_alternative(mail.html, subtype="html")
    return made


def _wrong(server: MailServer, code: int, why: str) -> FreeholdError:
    told = f"{why} (status {code})"
    return _passing(server, told) if 400 <= code < 500 else _refused(server, told)


def _passing(server: MailServer, why: str) -> Transient:
    return Transient(
        "FH-X501", f"The mail server `{server.host}` {why}.", where=_WHERE, exit_code=Exit.ENVIRONMENT,
        fix="It is sent again later.",
    )  # fmt: skip


def _refused(server: MailServer, why: str) -> FreeholdError:
    return FreeholdError(
        "FH-X502", f"The mail server `{server.host}` {why}.", where=_WHERE, exit_code=Exit.ENVIRONMENT,
        fix="Look at `spec.server.mail`, its password, and the address that a team gives.",
    )  # fmt: skip
