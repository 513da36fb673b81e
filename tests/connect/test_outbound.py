"""Nothing but what is meant is called: the table of ways to lead a server where it should not go."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from freehold.connect.outbound import ANYWHERE, Outbound, Unreached, ask, calling, outbound_from, post, target_of
from freehold.connect.outbound.address import is_public, resolved
from freehold.foundation import FreeholdError
from live_receiver import receiving

NOTHING = Outbound()
TLS, PLAIN = "https:" + "//", "http:" + "//"  # apart, since whatever is written as one is a host of the project
LOOPBACK = outbound_from({"allow": ["127.0.0.0/8"], "plain_http": True})


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"{TLS}user@example.com/", id="a name before the host"),
        pytest.param(f"{TLS}example.com@169.254.169.254/", id="a host that is a name"),
        pytest.param("https://example.com:hunter2@127.0.0.1/", id="a password before the host"),
        pytest.param(f"{TLS}2130706433/", id="a decimal number"),
        pytest.param(f"{TLS}0x7f000001/", id="a hexadecimal number"),
        pytest.param(f"{TLS}0x7f.1/", id="parts in hexadecimal"),
        pytest.param(f"{TLS}0177.0.0.1/", id="parts in octal"),
        pytest.param(f"{TLS}127.1/", id="fewer parts"),
        pytest.param("https://127.0.0.1./", id="an address with a dot behind it"),
        pytest.param("https://①②⑦.⓪.⓪.①/", id="digits in circles"),
        pytest.param(f"{TLS}127。0。0。1/", id="dots of another script"),
        pytest.param(f"{TLS}exаmple.com/", id="a letter of another script"),
        pytest.param("https://example.com\\@127.0.0.1/", id="a backslash"),
        pytest.param("https://example.com /", id="a space"),
        pytest.param("https://example.com/\r\nHost: 127.0.0.1", id="a line of its own"),
        pytest.param("https://example.com\t.evil.com/", id="a tab"),
        pytest.param("https://[fe80::1%25eth0]/", id="a zone"),
        pytest.param("https://[::1", id="half a bracket"),
        pytest.param("https://:443/", id="no host"),
        pytest.param("https:///hook", id="no host at all"),
        pytest.param("https://example.com:0/", id="port 0"),
        pytest.param("https://example.com:99999/", id="a port beyond all"),
        pytest.param("ftp://example.com/", id="another scheme"),
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("gopher://127.0.0.1:6379/_INFO", id="gopher"),
        pytest.param("//example.com/", id="no scheme"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_two_readers_could_take_for_two_hosts_is_refused(url: str) -> None:
    """Before anything is resolved."""
    with pytest.raises(FreeholdError) as refusal:
        target_of(url)

    assert refusal.value.code == "FH-A161"
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe",
        "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "fc00::1",
        "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "100::1", "4000::1",
    ],
)  # fmt: skip
def test_what_is_not_of_the_public_internet_is_none_of_it(address: str) -> None:
    """Loopback, private and reserved networks, link-local, multicast, and IPv4 in the disguise of IPv6."""
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::1"])
def test_what_is_of_the_public_internet_is(address: str) -> None:
    """So that receivers there can be called."""
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
        "https://" "169.254.169.254/latest/meta-data/", "https://[fd00:ec2::254]/", "https://" "10.1.2.3:8443/",
        "https://[64:ff9b::169.254.169.254]/",
    ],
)  # fmt: skip
def test_it_is_the_resolved_address_that_counts(url: str) -> None:
    """Whatever it is written as; the refusal says how a file would allow it."""
    with pytest.raises(FreeholdError) as refusal:
        resolved(target_of(url), NOTHING)

    assert refusal.value.code == "FH-A161"
    assert "spec.server.outbound: {allow: [" in refusal.value.fix
    assert "plain_http" not in refusal.value.fix


def test_all_that_keeps_an_address_from_being_called_is_said_at_once() -> None:
    """Who allows what is private and plain is not sent twice."""
    with pytest.raises(FreeholdError) as refusal:
        resolved(target_of("http://127.0.0.1:8080/"), NOTHING)

    assert 'spec.server.outbound: {allow: ["127.0.0.1"], plain_http: true}' in refusal.value.fix


def test_each_address_of_a_name_has_to_be_one_that_may_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a public address and a private one is refused: either could be the one that is taken."""
    _resolves(monkeypatch, ["93.184.215.14", "10.0.0.1"])

    with pytest.raises(FreeholdError, match="10\\.0\\.0\\.1"):
        resolved(target_of("https://two.example/"), NOTHING)


def test_a_name_that_changes_between_two_looks_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is resolved once, and what was checked is what is connected to."""
    with receiving() as meant, receiving() as inside:
        looks = _resolves(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
        target = target_of(f"http://rebinding.example:{meant.port}/hook")
        reply = post(target, b"{}", {}, LOOPBACK, 5)

    assert reply.status == 204
    assert looks == ["rebinding.example"]
    assert meant.got[0].headers["host"] == f"rebinding.example:{meant.port}"
    assert inside.got == []


def _resolves(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names resolve to one answer after the other; return what was asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *rest: Any, **more: Any) -> Any:
        if not str(host).endswith(".example"):
            return real(host, port, *rest, **more)
        asked.append(host)
        answer = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answer]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.parametrize(
    ("said", "url"),
    [
        pytest.param({}, f"{PLAIN}93.184.215.14/", id="the internet without TLS"),
        pytest.param({"plain_http": True}, f"{PLAIN}93.184.215.14/", id="the internet, though others may do without"),
        pytest.param({"allow": ["127.0.0.1"]}, "http://127.0.0.1/", id="an allowed network, where TLS is wanted"),
        pytest.param({"allow": ["10.0.0.0/8"], "plain_http": True}, "http://127.0.0.1/", id="another network"),
    ],
)
def test_http_takes_a_network_that_is_allowed_and_a_word(said: dict[str, Any], url: str) -> None:
    """What is sent could be read on the way."""
    with pytest.raises(FreeholdError) as refusal:
        resolved(target_of(url), outbound_from(said))

    assert refusal.value.code == "FH-A161"


def test_a_network_that_is_none_is_told() -> None:
    """With the entry that is wrong."""
    with pytest.raises(FreeholdError, match="10\\.0\\.0\\.0/99") as refusal:
        outbound_from({"allow": ["10.0.0.0/99"]})

    assert refusal.value.code == "FH-A160"


def test_no_redirect_is_followed_and_no_proxy_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its status is the answer."""
    with receiving() as one, receiving() as other:
        monkeypatch.setenv("http_proxy", other.url)
        one.answer = lambda _: (302, {"Location": other.url})
        reply = post(target_of(one.url), b"{}", {}, LOOPBACK, 5)

    assert reply.status == 302
    assert other.got == []


def test_who_runs_this_may_have_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For forges it is asked, by name and password, and TLS goes through it to the name; NO_PROXY goes past it."""
    certificate = _certificate(tmp_path, "forge.example")
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(calling, "_context", lambda: trusting)
    with receiving(certificate=certificate) as forge, _proxying(forge.port) as (port, asked):
        monkeypatch.setenv("https_proxy", f"http://us:p%40ss@127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "near.example")
        target = target_of(f"https://forge.example:{forge.port}/hook")
        reply = ask("POST", target, {}, ANYWHERE, 5, b"{}")
        _resolves(monkeypatch, ["127.0.0.1"])
        with pytest.raises(Unreached, match="its certificate does not hold"):
            ask("GET", target_of(f"https://near.example:{forge.port}/hook"), {}, ANYWHERE, 5)

    assert reply.status == 204
    assert len(asked) == 1
    assert asked[0].startswith(f"CONNECT forge.example:{forge.port} HTTP/1.")
    assert "Proxy-Authorization: Basic dXM6cEBzcw==" in asked[0]


def test_a_proxy_that_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its password."""
    with _saying(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n") as port:
        monkeypatch.setenv("https_proxy", f"http://us:hunter2@127.0.0.1:{port}")
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(Unreached, match="403") as told:
            ask("GET", target_of("https://forge.example/"), {}, ANYWHERE, 5)

    assert "hunter2" not in str(told.value)


@contextmanager
def _proxying(to: int) -> Iterator[tuple[int, list[str]]]:
    """Be a proxy that leads whoever comes first to a port of this machine; give its own, and what it was asked."""
    asked: list[str] = []

    def passing(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                sink.sendall(piece)

    def serve() -> None:
        taken, _ = listening.accept()
        asked.append(taken.recv(65_536).decode())
        with taken, socket.create_connection(("127.0.0.1", to)) as there:
            taken.sendall(b"HTTP/1.1 200 Go on\r\n\r\n")
            threading.Thread(target=passing, args=(taken, there), daemon=True).start()
            passing(there, taken)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1], asked


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"SSH-2.0-x\r\n", b"HTTP/1.1 999999 no\r\n\r\n"],
                         ids=["nothing", "half an answer", "another protocol", "a status beyond all"])  # fmt: skip
def test_what_is_no_answer_is_told_as_none(said: bytes) -> None:
    """In words, and in time: who drips a byte now and then gains nothing."""
    with _saying(said) as port, pytest.raises(Unreached) as told:
        post(target_of(f"http://127.0.0.1:{port}/"), b"{}", {}, LOOPBACK, 0.5)

    assert str(told.value) in (
        "it did not answer within 0.5 s", "its answer is no HTTP", "it closed the connection without an answer"
    )  # fmt: skip


def test_an_answer_without_an_end_is_not_read_to_its_end() -> None:
    """Its status counts; the rest is cut off after 64 kB."""
    with _saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n" + b"x" * 200_000) as port:
        reply = post(target_of(f"http://127.0.0.1:{port}/"), b"{}", {}, LOOPBACK, 5)

    assert reply.status == 200


def test_an_answer_that_is_wanted_whole_and_is_too_long_is_none() -> None:
    """What was read of it is not taken for all of it."""
    with _saying(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n12345678901") as port:
        target = target_of(f"http://127.0.0.1:{port}/")
        with pytest.raises(Unreached, match="more than 10 bytes"):
            ask("GET", target, {}, LOOPBACK, 5, largest=10)


@contextmanager
def _saying(said: bytes) -> Iterator[int]:
    """Listen, say something to whoever comes, and hold the line."""
    over = threading.Event()

    def serve() -> None:
        taken, _ = listening.accept()
        with taken:
            taken.recv(65_536)
            taken.sendall(said)
            over.wait(30)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        over.set()


def test_tls_is_spoken_to_the_name_and_a_certificate_that_nobody_vouches_for_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes to the address that was checked, and what is proved there is the name."""
    certificate = _certificate(tmp_path, "hooks.example")
    _resolves(monkeypatch, ["127.0.0.1"])
    with receiving(certificate=certificate) as one:
        target = target_of(f"https://hooks.example:{one.port}/hook")
        with pytest.raises(Unreached, match="its certificate does not hold"):
            post(target, b"{}", {}, LOOPBACK, 5)
        trusting = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr(calling, "_context", lambda: trusting)
        reply = post(target, b"{}", {}, LOOPBACK, 5)
        with pytest.raises(Unreached, match="its certificate does not hold"):
            post(target_of(f"https://other.example:{one.port}/hook"), b"{}", {}, LOOPBACK, 5)

    assert reply.status == 204
    assert [got.headers["host"] for got in one.got] == [f"hooks.example:{one.port}"]


def _certificate(folder: Path, name: str) -> Path:
    """Return a file with a key, and a certificate of a name that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "both.pem"
    path.write_bytes(private + made.sign(key, hashes.SHA256()).public_bytes(encoding))
    return path
