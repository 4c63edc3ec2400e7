"""The template that contributors copy is itself a working signal."""

import pytest

from reservation_middleware import Agent, Document, Outcome, profile
from reservation_middleware.model import Preference
from reservation_middleware.model.vocabulary import TRAIN
from reservation_middleware.signals import HEADERS, SIGNALS, Intent, ParsedDocument, Question
from reservation_middleware.signals._template import VALUE, Example

URL = "https://a.example/x"
QUESTION = Question(URL, "/x", "/x", Agent("ExampleBot"), profile())


def source(*values: str) -> ParsedDocument:
    headers = tuple(("example-signal", value) for value in values)
    document = Document(
        url=URL, resource="page", outcome=Outcome.FETCHED, status=200, headers=headers
    )
    return ParsedDocument(document, HEADERS)


@pytest.mark.parametrize("preference", [Preference.ALLOWED, Preference.DISALLOWED])
def test_it_reads_what_it_writes(preference: Preference) -> None:
    signal = Example()
    (written,) = signal.write(Intent(usage=dict.fromkeys(TRAIN, preference)))
    found = signal.parse(source(written.text.partition(": ")[2]))
    assert found
    settled = signal.settle([found], QUESTION)
    assert settled
    assert settled.usage == dict.fromkeys(TRAIN, preference)
    assert signal.settle([found], QUESTION) == settled


def test_it_notes_what_it_cannot_read_and_the_most_restrictive_counts() -> None:
    signal = Example()
    found = signal.parse(source("train=maybe, other", "train=yes", "train=no"))
    assert found
    assert [note.kind for note in found.notes] == [VALUE]
    settled = signal.settle([found], QUESTION)
    assert settled
    assert set(settled.usage.values()) == {Preference.DISALLOWED}
    assert signal.parse(source()) is None


def test_it_is_not_among_the_signals() -> None:
    assert "example" not in {signal.name for signal in SIGNALS}
