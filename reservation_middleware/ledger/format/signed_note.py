"""Signed notes and checkpoints: what a key's owner says about a log, in a few lines of text.

Pure. Reading is strict: a note has exactly one form, so that no byte of it can be changed
without being found. References: C2SP signed-note, C2SP tlog-checkpoint, RFC 8032 (Ed25519).
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Collection
from hashlib import sha256
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from reservation_middleware.model.error import LedgerError

#: More signature lines than this are refused; each could cost a verification.
MOST_SIGNATURES = 16
_ED25519 = b"\x01"
_KEY_SIZE = 32
# "a plus character, or Unicode spaces" is what a name has not.
_NAME = re.compile(r"[^\s+\x00-\x20\x7f\ufeff]+")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_HASH_SIZE = 32


class NoteError(LedgerError):
    """Text that is no signed note, key or checkpoint, or a signature that is not valid."""


class Verifier(NamedTuple):
    """A key that signatures are checked with: ``<name>+<8 hex>+<base64>``."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a verifier key.

        Raises:
            NoteError: the text is none.
        """
        name, _, rest = text.partition("+")
        ident, _, key = rest.partition("+")
        verifier = cls(_name(name), _key(key))
        if ident != verifier.key_id.hex():
            raise NoteError("the key id does not fit the key")
        return verifier

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @property
    def text(self) -> str:
        """The key as it is published."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(_ED25519 + self.public)}"

    def valid(self, text: str, signature: bytes) -> bool:
        """Whether a signature over a note's text is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A key that signs: ``PRIVATE+KEY+<name>+<8 hex>+<base64>``.

    Attributes:
        verifier: the key that its signatures are checked with.
    """

    __slots__ = ("_key", "_seed", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(_name(name), self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> Self:
        """A new key of this name."""
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a signer key; white space around it is not part of it.

        Raises:
            NoteError: the text is none. It is never quoted.
        """
        start, _, rest = text.strip().partition("PRIVATE+KEY+")
        name, _, rest = rest.partition("+")
        ident, _, key = rest.partition("+")
        if start:
            raise NoteError("this is no signer key")
        signer = cls(name, _key(key))
        if ident != signer.verifier.key_id.hex():
            raise NoteError("the key id does not fit the key")
        return signer

    @property
    def name(self) -> str:
        """The name that its signatures bear."""
        return self.verifier.name

    @property
    def text(self) -> str:
        """The key as it is kept: a secret."""
        ident = self.verifier.key_id.hex()
        return f"PRIVATE+KEY+{self.name}+{ident}+{_base64(_ED25519 + self._seed)}"

    def sign(self, text: str) -> bytes:
        """A note that holds a text and this key's signature; it ends with a newline."""
        signature = self.verifier.key_id + self._key.sign(_text(text).encode())
        return f"{text}\n— {self.name} {_base64(signature)}\n".encode()


class Signature(NamedTuple):
    """A signature line: whose it says it is, not checked."""

    name: str
    key_id: bytes
    signature: bytes

    def by(self, verifier: Verifier) -> bool:
        """Whether it says that it is by this key."""
        return (self.name, self.key_id) == (verifier.name, verifier.key_id)


class SignedNote(NamedTuple):
    """A note: its text, and what was signed below it.

    Attributes:
        text: what was signed; ends with a newline.
        verified: the given keys whose valid signatures it bears.
        others: signatures by keys that were not given: they say nothing.
    """

    text: str
    verified: tuple[Verifier, ...]
    others: tuple[Signature, ...]


def parse_note(data: bytes) -> tuple[str, tuple[Signature, ...]]:
    """The text of a note and its signature lines, not checked.

    Raises:
        NoteError: it is not of the one form that a note has.
    """
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise NoteError("the note is not UTF-8") from error
    # A text may have empty lines; the last one ends it.
    before, blank, below = whole.rpartition("\n\n")
    if not blank or not below.endswith("\n"):
        raise NoteError("the note has no signature")
    lines = below[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise NoteError("the note has too many signatures")
    return _text(before + "\n"), tuple(map(_signature, lines))


def open_note(data: bytes, verifiers: Collection[Verifier]) -> SignedNote:
    """A note that at least one of these keys signed.

    Raises:
        NoteError: it is no note, none of the keys signed it, or a signature that says it is
            by one of them is not valid.
    """
    text, signatures = parse_note(data)
    verified: list[Verifier] = []
    others: list[Signature] = []
    for signature in signatures:
        known = [verifier for verifier in verifiers if signature.by(verifier)]
        if not known:
            others.append(signature)
        elif known[0] in verified:
            raise NoteError(f"{signature.name} signed twice")
        elif not known[0].valid(text, signature.signature):
            raise NoteError(f"the signature of {signature.name} is not valid")
        else:
            verified.append(known[0])
    if not verified:
        raise NoteError("no signature is by a known key")
    return SignedNote(text, tuple(verified), tuple(others))


class Checkpoint(NamedTuple):
    """How long a log was, and the root over it then.

    Attributes:
        origin: which log it is.
        size: how many lines it had.
        root: the root over them.
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The checkpoint as a note's text."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a checkpoint. Extension lines, which are never written here, are refused.

        Raises:
            NoteError: the text is none.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise NoteError("the checkpoint has not three lines")
        if not _DECIMAL.fullmatch(lines[1]):
            raise NoteError("the checkpoint's size is no number")
        root = _bytes(lines[2])
        if len(root) != _HASH_SIZE:
            raise NoteError("the checkpoint's root is no SHA-256")
        return cls(lines[0], int(lines[1]), root)


def _signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, _, value = rest.partition(" ")
    found = _bytes(value)
    # Other algorithms' signatures may be longer; none has no more than a key id.
    if dash != "—" or len(found) <= 4:
        raise NoteError("a signature line of the note is malformed")
    return Signature(_name(name), found[:4], found[4:])


def _text(text: str) -> str:
    if not text.endswith("\n") or any(char < " " and char != "\n" for char in text):
        raise NoteError("a note's text ends with a newline and has no other control characters")
    return text


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise NoteError("a key's name is empty or has white space or a plus in it")
    return name


def _key(text: str) -> bytes:
    key = _bytes(text)
    if key[:1] != _ED25519 or len(key) != 1 + _KEY_SIZE:
        raise NoteError("this is no Ed25519 key")
    return key[1:]


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _bytes(text: str) -> bytes:
    """Base64 in its canonical form only: other forms of the same bytes are refused."""
    try:
        found = b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        raise NoteError("this is not base64") from error
    if _base64(found) != text:
        raise NoteError("this is not base64 in its canonical form")
    return found
