"""Time stamps by a real authority: openssl ts behind HTTP on loopback."""

import subprocess
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from evidence import closed, key_of, only, small
from forked_cli import cases

from reservation_middleware.ledger.format.signed_note import Signer
from reservation_middleware.ledger.verify.ledger import verify
from reservation_middleware.ledger.verify.stamp import attach, post, request, stamp
from reservation_middleware.model import LedgerError

#: Without ``certs``: openssl would put certificates into every token that belong to nobody.
CONFIG = """
[tsa]
default_tsa = tsa_config
[tsa_config]
dir = {folder}
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class Authority(NamedTuple):
    url: str
    root: bytes
    answers: list[bytes]
    folder: Path


def _certificate(
    name: str, issuer: tuple[x509.Certificate, rsa.RSAPrivateKey] | None = None
) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    above, signer = (subject, key) if issuer is None else (issuer[0].subject, issuer[1])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
    )
    if issuer is not None:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
        )
    return builder.sign(signer, hashes.SHA256()), key


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    if not which("openssl"):
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("tsa")
    root = _certificate("Root")
    leaf, key = _certificate("Authority", root)
    (folder / "tsa.pem").write_bytes(pem(leaf))
    (folder / "tsa.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    answers: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/redirect":
                self.send_response(307)
                self.send_header("location", "/")
                self.end_headers()
                return
            if self.path == "/error":
                self.send_error(503)
                return
            if self.path == "/endless":
                body = bytes(1 << 20)
            elif self.path == "/nonsense":
                body = b"<html>"
            else:
                assert self.headers["content-type"] == "application/timestamp-query"
                (folder / "query").write_bytes(query)
                command = ["openssl", "ts", "-reply", "-config", str(folder / "tsa.cnf")]
                command += ["-queryfile", str(folder / "query"), "-out", str(folder / "answer")]
                subprocess.run(command, check=True, capture_output=True)
                body = (folder / "answer").read_bytes()
                answers.append(body)
            self.send_response(200)
            self.send_header("content-type", "application/timestamp-reply")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Authority(f"http://127.0.0.1:{server.server_address[1]}", pem(root[0]), answers, folder)
    server.shutdown()
    thread.join()
    server.server_close()


def signer(folder: Path) -> Signer:
    return Signer.parse(key_of(folder))


def test_a_stamp_holds(authority: Authority, tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    closed(folder, hosts=("c",))
    path = stamp(folder, authority.url, signer(folder))
    report = verify(folder, authorities=[authority.root])
    assert report.ok, report.problems
    (found,) = report.stamps
    assert found.file == f"stamps/{path.name}"
    assert (found.root, found.lines) == (report.root, report.lines)
    assert found.authority
    at = datetime.fromisoformat(found.time)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=2)
    (unchecked,) = verify(folder).stamps
    assert not unchecked.authority


def test_openssl_takes_the_token_for_good(authority: Authority, tmp_path: Path) -> None:
    """Whoever has openssl needs nothing of ours to check one."""
    folder = closed(tmp_path / "ledger")
    path = stamp(folder, authority.url, signer(folder))
    lines = path.read_text().splitlines()
    (tmp_path / "root").write_bytes(b64decode(lines[1]))
    token = next(line for line in lines if line.startswith("token "))
    (tmp_path / "answer").write_bytes(b64decode(token.partition(" ")[2]))
    (tmp_path / "ca.pem").write_bytes(authority.root)
    command = ["openssl", "ts", "-verify", "-data", "root", "-in", "answer", "-CAfile", "ca.pem"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_stamp_keeps_holding_while_the_ledger_grows(authority: Authority, tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with small(folder) as ledger:
        ledger.checkpoint()
        stamp(folder, authority.url, signer(folder))
    stamp(folder, authority.url, signer(folder))
    closed(folder, hosts=("c",))
    report = verify(folder, authorities=[authority.root])
    assert report.ok, report.problems
    first, second = report.stamps
    assert first.lines < second.lines < report.lines


def test_a_ledger_that_its_owner_wrote_anew_is_found_by_its_stamp(
    authority: Authority, tmp_path: Path
) -> None:
    from test_verify import _resign

    folder = closed(tmp_path / "ledger")
    stamp(folder, authority.url, signer(folder))
    place, name = only(folder)
    _resign(place, name, signer(folder), lambda lines: [*lines[:-2], lines[-1]])
    problems = "\n".join(map(str, verify(folder).problems))
    assert "says stamps/" in problems


def test_every_byte_of_a_stamp_counts(authority: Authority, tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger", pages=1, hosts=("a",))
    path = stamp(folder, authority.url, signer(folder))
    good = path.read_bytes()
    for place in range(0, len(good), 7):
        changed = bytearray(good)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        assert not verify(folder).ok, place
    path.write_bytes(good)
    path.rename(path.with_name("x" + path.name))
    assert not verify(folder).ok


def test_what_the_owner_of_the_key_cannot_make(authority: Authority, tmp_path: Path) -> None:
    """Signed by the right key, but not what an authority said."""
    folder = closed(tmp_path / "ledger")
    path = stamp(folder, authority.url, signer(folder))
    text = path.read_bytes().decode().rpartition("\n\n")[0] + "\n"
    lines = text.splitlines()
    token = bytearray(b64decode(lines[-1].removeprefix("token ")))
    token[-20] ^= 1
    forged = "token " + b64encode(token).decode()
    for bad, authorities, why in (
        ([*lines[:-1], forged], [authority.root], "does not hold"),
        ([*lines[:-1], "token AAAA"], [], "no time-stamp answer"),
        ([*lines[:-1], "taken AAAA"], [], "has no token"),
        ([*lines[:-1], "token ="], [], "base64"),
        ([lines[0], lines[1], lines[-1]], [], "root is not that"),
        ([lines[0], b64encode(bytes(32)).decode(), *lines[2:]], [], "root is not that"),
        (["other/time-stamp", *lines[1:]], [], "no time stamp"),
        ([*lines[:3], *lines[2:]], [], "not in order"),
        ([*lines[:2], "x", lines[-1]], [], "malformed"),
        (["x"], [], "no time stamp"),
    ):
        path.write_bytes(signer(folder).sign("\n".join([*bad, ""])))
        problems = "\n".join(map(str, verify(folder, authorities=authorities).problems))
        assert why in problems, (why, problems)
    path.write_bytes(Signer.generate("reservations").sign(text))
    assert "known key" in str(verify(folder).problems[0])
    path.write_bytes(signer(folder).sign(text))
    assert verify(folder, authorities=[authority.root]).ok


def test_another_authority(authority: Authority, tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    stamp(folder, authority.url, signer(folder))
    other = pem(_certificate("Root")[0])
    assert "does not hold" in str(verify(folder, authorities=[other]).problems[0])
    assert verify(folder, authorities=[other + authority.root]).ok
    assert not verify(folder, authorities=[b"nonsense"]).ok


def test_an_answer_to_something_else(authority: Authority, tmp_path: Path) -> None:
    folder, other = closed(tmp_path / "ledger"), closed(tmp_path / "other")
    stamp(other, authority.url, signer(other))
    with pytest.raises(LedgerError, match="something else"):
        attach(folder, request(folder), authority.answers[-1], signer(folder))
    stamp(folder, authority.url, signer(folder))
    with pytest.raises(LedgerError, match="another query"):
        attach(folder, request(folder), authority.answers[-1], signer(folder))


def test_an_authority_that_refuses(authority: Authority, tmp_path: Path) -> None:
    """It takes SHA-256 only."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    folder = closed(tmp_path / "ledger")
    query = TimestampRequestBuilder().data(b"x").hash_algorithm(HashAlgorithm.SHA512).build()
    with pytest.raises(LedgerError, match="did not grant"):
        attach(folder, request(folder), post(authority.url, query.as_bytes()), signer(folder))
    assert not (folder / "stamps").exists()


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/redirect", "did not answer"),
        ("/error", "did not answer"),
        ("/endless", "too long"),
        ("/nonsense", "no time-stamp answer"),
    ],
)
def test_an_authority_in_trouble(authority: Authority, tmp_path: Path, path: str, why: str) -> None:
    folder = closed(tmp_path / "ledger")
    with pytest.raises(LedgerError, match=why):
        stamp(folder, authority.url + path, signer(folder))
    assert not (folder / "stamps").exists()


def test_a_stamp_that_the_disk_does_not_take(authority: Authority, tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    with cases(tmp_path / "cache") as cli:
        for limit in (0, 50):
            done = cli.run("ledger", "stamp", folder, "--authority", authority.url, limit=limit)
            assert (done.status, done.out) == (2, "")
            assert list((folder / "stamps").iterdir()) == []
            assert verify(folder, strict=True).ok


def test_no_authority(tmp_path: Path) -> None:
    folder = closed(tmp_path / "ledger")
    for url in ("http://127.0.0.1:1/", "file:///etc/passwd", "ftp://a.example/", "nonsense", ""):
        with pytest.raises(LedgerError):
            stamp(folder, url, signer(folder), timeout=5)
    empty = tmp_path / "empty"
    (empty / "log").mkdir(parents=True)
    with pytest.raises(LedgerError, match="nothing is signed"):
        request(empty)
