"""trust.txt beside its vectors: what is written is read back, nothing raises, nothing takes long."""

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reservation_middleware import Agent, Document, Outcome, profile
from reservation_middleware.model import Preference
from reservation_middleware.model.vocabulary import TRAIN
from reservation_middleware.signals import Intent, ParsedDocument, Question
from reservation_middleware.signals.trust_txt import (
    CONTRADICTION,
    TRUST_TXT,
    VALUE,
    TrustTxt,
    TrustTxtFindings,
)

SIGNAL = TrustTxt()
QUESTION = Question("https://a.example/x", "/x", "/x", Agent("ExampleBot"), profile("strict"))


def parsed(body: bytes) -> TrustTxtFindings | None:
    document = Document(
        url="https://a.example/trust.txt",
        resource="trust.txt",
        outcome=Outcome.FETCHED,
        status=200,
        body=body,
    )
    return SIGNAL.parse(ParsedDocument(document, TRUST_TXT))


@pytest.mark.parametrize("preference", [Preference.ALLOWED, Preference.DISALLOWED])
def test_it_reads_what_it_writes(preference: Preference) -> None:
    [written] = SIGNAL.write(Intent(usage=dict.fromkeys(TRAIN, preference)))
    found = parsed(written.text.encode())
    assert found
    assert not found.notes
    answer = SIGNAL.settle([found], QUESTION)
    assert answer
    assert answer.usage == dict.fromkeys(TRAIN, preference)
    assert SIGNAL.settle([found], QUESTION) == answer
    assert found.statements() == answer.statements


def test_it_writes_nothing_that_goes_beyond_the_wish() -> None:
    assert SIGNAL.write(Intent()) == ()
    assert SIGNAL.write(Intent(usage={TRAIN[0]: Preference.DISALLOWED})) == ()


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"datatrainingallowed=no", 1),
        (b"\n\n\ndatatrainingallowed=no\n", 4),
        (b"# a\r\ncontact=x\r\ndatatrainingallowed=no\r\n", 3),
        (b"# a\rcontact=x\rdatatrainingallowed=no", 3),
        (b"contact=x\n\tdatatrainingallowed\t=\tno\t\n", 2),
        ("# a\u2028datatrainingallowed=yes\ndatatrainingallowed=no".encode(), 2),
    ],
)
def test_lines_are_counted(body: bytes, line: int) -> None:
    found = parsed(body)
    assert found
    [said] = found.said
    assert said.span.line == line
    assert said.preference is Preference.DISALLOWED


def test_lines_of_notes_are_counted() -> None:
    found = parsed(b"datatrainingallowed=1\n\ndatatrainingallowed=yes\ndatatrainingallowed=no\n")
    assert found
    assert [(note.kind, note.line) for note in found.notes] == [(VALUE, 1), (CONTRADICTION, 4)]


EXAMPLES = settings(
    max_examples=200,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
PIECES = ["datatrainingallowed", "=", "yes", "no", "#", " ", "\n", "\r", "member", "\x00", "\u2028"]


def check_anything(body: bytes) -> None:
    found = parsed(body)
    if found is None:
        return
    assert len(found.notes) <= 10
    msgspec.json.encode(found.notes)
    msgspec.json.encode(found.said)
    answer = SIGNAL.settle([found], QUESTION)
    assert (answer is None) == (not found.said)


@EXAMPLES
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=20))
@example(["datatrainingallowed", "=", "no", "\ud800"])
def test_no_text_raises(pieces: list[str]) -> None:
    check_anything("".join(pieces).encode("utf-8", "surrogatepass"))


@EXAMPLES
@given(st.binary(max_size=200))
def test_no_bytes_raise(body: bytes) -> None:
    check_anything(body)


MANY = 16 * 1024 * 1024


@pytest.mark.parametrize(
    "piece",
    [
        b"datatrainingallowed=x\n",
        b"datatrainingallowed=no\n",
        b" ",
        b"\n",
        b"member",
        b"\0",
        b"\xff",
    ],
)
def test_much_of_anything_takes_no_time(piece: bytes) -> None:
    body = piece * (MANY // len(piece))
    check_anything(body)
