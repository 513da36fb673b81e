"""Mail by a real SMTP server on loopback: what goes out, who may read it, what is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.connect.messages import BriefFile, Mail, mail_server_of, send_mail
from freehold.foundation import FreeholdError, Transient, Where
from live_mail import PASSWORD, USER, Mailbox, mailing
from live_server import free_port

MAIL = Mail("ana@example.com", "Monday brief:\nall is well", "All is well.\n", "<p>All is well.</p>", "brief monday 1")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server that takes everything."""
    with mailing() as one:
        yield one


def test_a_mail_comes_as_text_and_as_html_by_somebody_who_signed_in(mailbox: Mailbox, tmp_path: Path) -> None:
    """The password is what its reference names; a line break in a subject makes no header of its own."""
    (tmp_path / "smtp.secret").write_text(f"{PASSWORD}\n")
    send_mail(mailbox.server("file:smtp.secret"), MAIL, tmp_path)
    (came,) = mailbox.mails

    assert (came["From"], came["To"]) == ("freehold@example.com", "ana@example.com")
    assert (came["Subject"], came["Auto-Submitted"]) == ("Monday brief: all is well", "auto-generated")
    assert [part.get_content().strip() for part in came.iter_parts()] == ["All is well.", "<p>All is well.</p>"]  # type: ignore[attr-defined]
    assert (mailbox.signed_in, mailbox.recipients) == ([USER], ["ana@example.com"])


def test_what_is_sent_again_is_the_same_mail(mailbox: Mailbox, tmp_path: Path) -> None:
    """By its Message-ID, so that mail programs show it once; to another address, or of another week, it is another."""
    others = (Mail("bo@example.com", "x", "x", "", MAIL.id), Mail(MAIL.to, "x", "x", "", "brief monday 2"))
    for one in (MAIL, MAIL, *others):
        send_mail(mailbox.server(), one, tmp_path)
    ids = [came["Message-ID"] for came in mailbox.mails]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("answer", "code", "is_transient"),
    [
        pytest.param("451 later", "FH-X501", True, id="not now"),
        pytest.param("421 closing", "FH-X501", True, id="it closes"),
        pytest.param("554 no", "FH-X502", False, id="never"),
    ],
)
def test_what_a_server_refuses_for_now_is_tried_again_and_nothing_else(
    mailbox: Mailbox, tmp_path: Path, answer: str, code: str, is_transient: bool
) -> None:
    """A status of 4xx passes by itself, one of 5xx does not."""
    mailbox.failing.append(answer)
    with pytest.raises(FreeholdError) as refused:
        send_mail(mailbox.server(), MAIL, tmp_path)

    assert (refused.value.code, isinstance(refused.value, Transient)) == (code, is_transient)
    assert mailbox.mails == []


def test_a_wrong_password_and_a_server_that_is_not_there_are_told_apart(mailbox: Mailbox, tmp_path: Path) -> None:
    """And neither repeats the password."""
    (tmp_path / "smtp.secret").write_text("another-word")
    with pytest.raises(FreeholdError) as wrong:
        send_mail(mailbox.server("file:smtp.secret"), MAIL, tmp_path)
    mailbox.port = free_port()
    with pytest.raises(FreeholdError) as nobody:
        send_mail(mailbox.server("file:smtp.secret"), MAIL, tmp_path)

    assert (wrong.value.code, nobody.value.code) == ("FH-X502", "FH-X501")
    assert "another-word" not in f"{wrong.value}{nobody.value}"


def test_nothing_leaves_this_machine_unencrypted(tmp_path: Path) -> None:
    """A server elsewhere that offers no STARTTLS is told neither a password nor a word."""
    (tmp_path / "smtp.secret").write_text(PASSWORD)
    with mailing("127.0.0.2") as elsewhere:
        with pytest.raises(FreeholdError) as refused:
            send_mail(elsewhere.server("file:smtp.secret", "127.0.0.2"), MAIL, tmp_path)

        assert refused.value.code == "FH-X502"
        assert (elsewhere.mails, elsewhere.signed_in) == ([], [])


@pytest.mark.parametrize(
    ("url", "scheme", "port", "user"),
    [
        ("smtps://mail.example.com", "smtps", 465, ""),
        ("smtp://ana%40x@mail.example.com", "smtp", 587, "ana@x"),
        ("smtp://mail.example.com:2525/", "smtp", 2525, ""),
    ],
)
def test_a_mail_server_is_read_from_its_address(url: str, scheme: str, port: int, user: str) -> None:
    """With the port that is usual where none is said, and a user as addresses spell one."""
    server = mail_server_of({"url": url, "from": "a@b"})

    assert server is not None
    assert (server.scheme, server.host, server.port, server.user) == (scheme, "mail.example.com", port, user)
    assert mail_server_of({}) is None


@given(
    now=st.datetimes(min_value=datetime(2011, 1, 1), max_value=datetime(2030, 1, 1)),  # noqa: DTZ001 made aware below
    day=st.integers(0, 6),
    at=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    zone=st.sampled_from(("UTC", "Europe/London", "America/New_York", "Asia/Kolkata")),
)
def test_a_brief_is_due_once_a_week_on_its_day(now: datetime, day: int, at: object, zone: str) -> None:
    """The last time it was due is on that day, there, not after now, and no more than a week and an hour ago."""
    known, here = now.replace(tzinfo=UTC), ZoneInfo(zone)
    file = BriefFile("b", "B", Where("b.yaml"), "product", day, at, ())  # type: ignore[arg-type]
    due = file.last_due(known, here)

    assert due.astimezone(here).weekday() == day
    assert 0 <= (known - due).total_seconds() <= (7 * 24 + 1) * 3600
