"""The bundle of one host: its lines out of a ledger, with what they rest on and their proofs.

Nobody else's lines are in it. Each segment is read twice, line by line: what is kept grows with
the host's lines, not with the ledger.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from reservation_middleware.ledger.format.folder import (
    LONGEST_LINE,
    Folder,
    opened,
    read_note,
    unreadable,
)
from reservation_middleware.ledger.format.lines import DocumentLine, ErasedLine, Index, decode
from reservation_middleware.ledger.format.merkle import Tree, inclusions, leaf_hash
from reservation_middleware.ledger.format.signed_note import Checkpoint, Verifier, open_note
from reservation_middleware.ledger.format.warc import read_octets
from reservation_middleware.ledger.read.host_filter import HostFilter
from reservation_middleware.ledger.verify.archive import read_member
from reservation_middleware.ledger.verify.bundle import verify_bundle
from reservation_middleware.ledger.verify.segment import first_line
from reservation_middleware.model import LedgerError
from reservation_middleware.model.error import NothingSignedError, StorageError

from .bundle import Bundle, BundleLine, BundleReport, BundleSegment, encode_bundle, references

__all__ = ["BundleReport", "prove", "verify_bundle"]


class Glance(msgspec.Struct, frozen=True):
    """The little that is needed of every line, which decodes fast."""

    kind: str = ""
    url: str = ""
    origin: str = ""
    body: Index | None = None

    def about(self, host: HostFilter) -> bool:
        """Whether it is a line about that host."""
        if self.kind == "decision":
            return host.covers(self.url)
        return self.kind == "epoch" and host.covers(self.origin)


GLANCE = msgspec.json.Decoder(Glance)


def prove(
    folder: str | Path, host: str, *, progress: Callable[[int], object] | None = None
) -> bytes:
    """The bundle of a host and all hosts below it, as a file.

    Args:
        folder: the ledger.
        host: with or without a port.
        progress: called now and then with how many more bytes were read.

    Raises:
        LedgerError: the folder is no ledger, a segment is not as it was signed, or no signed
            line is about the host.
    """
    place, whose = Folder(folder), HostFilter.parse(host)
    found = [_segment(place, name, whose, progress) for name in place.segments()]
    segments = tuple(segment for segment in found if segment is not None)
    if not segments:
        raise NothingSignedError(f"{folder}: no signed line is about {whose.text}")
    return encode_bundle(Bundle(host=whose.text, segments=segments))


def _segment(
    place: Folder, name: str, host: HostFilter, progress: Callable[[int], object] | None
) -> BundleSegment | None:
    first, path = first_line(place.log(name)), place.checkpoint(name)
    if not path.exists():
        return None
    if first is None:
        raise LedgerError(f"{place.log(name)}: it has no segment line")
    note = read_note(path)
    try:
        checkpoint = Checkpoint.parse(open_note(note, [Verifier.parse(first.key)]).text)
    except StorageError:
        raise
    except LedgerError as error:
        raise LedgerError(f"{path}: {error}") from None
    wanted, bodies = _wanted(place.log(name), checkpoint.size, host, progress)
    if not wanted:
        return None
    texts: dict[int, bytes] = {}
    tree = Tree()
    places = wanted | set(bodies.values())

    def leaves() -> Iterator[bytes]:
        for index, line in enumerate(_lines(place.log(name), checkpoint.size, progress)):
            leaf = leaf_of(line)
            tree.append(leaf)
            if index in places:
                texts[index] = line
            yield leaf

    try:
        paths = inclusions(leaves(), checkpoint.size, wanted)
    except IndexError:
        raise LedgerError(f"{place.log(name)}: there are fewer lines than were signed") from None
    if tree.root() != checkpoint.root:
        raise LedgerError(f"{place.log(name)}: its lines are not those that were signed")
    lines = tuple(
        _line(place, index, texts[index], paths[index], texts.get(bodies.get(index, -1)))
        for index in sorted(wanted)
    )
    return BundleSegment(checkpoint=note.decode(), lines=lines)


def _wanted(
    path: Path, size: int, host: HostFilter, progress: Callable[[int], object] | None
) -> tuple[set[int], dict[int, int]]:
    """Indexes of the host's lines and of all that they refer to, empty if it has none; and for
    documents whose body another line's record holds, that line.
    """
    wanted: set[int] = set()
    bodies: dict[int, int] = {}
    for index, line in enumerate(_lines(path, size, progress)):
        glance = glance_at(path, index, line)
        if glance.body is not None and glance.body != index:
            bodies[index] = glance.body
        if glance.about(host):
            wanted.add(index)
            wanted.update(other for other, _ in references(decode(line)))
    found = {index: body for index, body in bodies.items() if index in wanted}
    return (wanted | {0} if wanted else wanted), found


def _line(
    place: Folder, index: int, text: bytes, path: list[bytes], holder: bytes | None
) -> BundleLine:
    """A line of the bundle; ``holder`` is the line whose record holds its body."""
    entry = decode(text)
    nodes = tuple(node.hex() for node in path)
    if isinstance(entry, ErasedLine):
        return BundleLine(index=index, erased=entry.erased, path=nodes)
    record = body = None
    if isinstance(entry, DocumentLine) and entry.archive is not None:
        data = read_octets(place.path, entry.archive)
        record = b64encode(data).decode()
        first = read_member(data).fields.get("warc-refers-to-target-uri")
        # A record that says "as there" may name somebody else's address.
        if first is not None and not HostFilter.of(entry.location or entry.url).covers(first):
            record = None
    if holder is not None:
        other = decode(holder)
        if not isinstance(other, DocumentLine) or other.archive is None:
            raise LedgerError(f"the body of line {index + 1} is not there any more")
        body = b64encode(read_member(read_octets(place.path, other.archive)).payload).decode()
    return BundleLine(index=index, line=text.decode(), path=nodes, record=record, body=body)


def leaf_of(line: bytes) -> bytes:
    """The leaf hash of a line, given without its end."""
    if line.startswith((b'{"erased":', b'{"archive":')):
        entry = decode(line)
        if isinstance(entry, ErasedLine):
            return bytes.fromhex(entry.erased)
    return leaf_hash(line)


def glance_at(path: Path, index: int, line: bytes) -> Glance:
    """What is needed of a line.

    Raises:
        LedgerError: it is no JSON.
    """
    try:
        return GLANCE.decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise LedgerError(f"{path}:{index + 1}: no line of a ledger: {error}"[:300]) from None


def _lines(path: Path, size: int, progress: Callable[[int], object] | None) -> Iterator[bytes]:
    """The first lines of a file, without their ends."""
    passed = 0
    try:
        with opened(path) as file:
            for _ in range(size):
                line = file.readline(LONGEST_LINE)
                if not line.endswith(b"\n"):
                    return
                yield line[:-1]
                passed += len(line)
                if progress is not None and passed > 1 << 22:
                    progress(passed)
                    passed = 0
    except OSError as error:
        raise unreadable(path, error) from None
