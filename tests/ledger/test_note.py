"""Signed notes and checkpoints: the examples of their specifications, and strictness."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservation_middleware.ledger.format.signed_note import (
    Checkpoint,
    NoteError,
    Signer,
    Verifier,
    open_note,
    parse_note,
)

#: The example in the documentation of golang.org/x/mod/sumdb/note.
GO_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_NOTE = (
    GO_TEXT + "\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
#: The example of C2SP signed-note.
C2SP_VERIFIER = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXm"
    "RKuwHjG1Yu72IneyaQM=\n"
).encode()


def test_go_example() -> None:
    signer = Signer.parse(GO_SIGNER)
    assert signer.text == GO_SIGNER
    assert signer.verifier.text == GO_VERIFIER
    assert signer.sign(GO_TEXT) == GO_NOTE
    verifier = Verifier.parse(GO_VERIFIER)
    assert open_note(GO_NOTE, [verifier]) == (GO_TEXT, (verifier,), ())


def test_specification_example() -> None:
    verifier = Verifier.parse(C2SP_VERIFIER)
    assert verifier.text == C2SP_VERIFIER
    assert open_note(C2SP_NOTE, [verifier]).text == "This is an example message.\n"


def test_every_bit_counts() -> None:
    verifier = Verifier.parse(GO_VERIFIER)
    for place in range(len(GO_NOTE)):
        for bit in range(8):
            data = bytearray(GO_NOTE)
            data[place] ^= 1 << bit
            with pytest.raises(NoteError):
                open_note(bytes(data), [verifier])


def test_a_note_has_one_form() -> None:
    verifier = Verifier.parse(GO_VERIFIER)
    for bad in (
        b"",
        GO_NOTE[:-1],
        GO_NOTE + b"\n",
        b"\n" + GO_NOTE[len(GO_TEXT) :],
        GO_NOTE.replace(b"\n", b"\r\n"),
        GO_NOTE.replace("— ".encode(), b"- "),
        GO_NOTE.replace(b"AM=\n", b"AN=\n"),
        GO_NOTE.replace(b"AM=\n", b"AM\n"),
        GO_NOTE.replace(b"x08go", b"x08 go"),
        GO_NOTE + GO_NOTE[GO_NOTE.index("— ".encode()) :],
        GO_NOTE + "— a eA==\n".encode() * 16,
        GO_NOTE + "— a eHh4eA==\n".encode(),
    ):
        with pytest.raises(NoteError):
            open_note(bad, [verifier])


def test_signatures_of_others_say_nothing() -> None:
    mine, theirs = Signer.generate("mine"), Signer.generate("theirs")
    data = mine.sign("x\n") + theirs.sign("x\n").partition(b"\n\n")[2]
    note = open_note(data, [mine.verifier])
    assert note.verified == (mine.verifier,)
    assert [signature.name for signature in note.others] == ["theirs"]
    assert open_note(data, [mine.verifier, theirs.verifier]).others == ()
    with pytest.raises(NoteError, match="known key"):
        open_note(data, [Signer.generate("mine").verifier])
    wrong = mine.sign("x\n") + theirs.sign("y\n").partition(b"\n\n")[2]
    assert open_note(wrong, [mine.verifier])
    with pytest.raises(NoteError, match="theirs"):
        open_note(wrong, [mine.verifier, theirs.verifier])


@given(st.text(), st.from_regex(r"[a-z][a-z0-9./-]{0,20}", fullmatch=True))
def test_round_trip(text: str, name: str) -> None:
    signer = Signer.generate(name)
    text += "\n"
    if any(char < " " and char != "\n" for char in text) or not _encodable(text):
        return
    again = Signer.parse(f" {signer.text}\n")
    assert Verifier.parse(signer.verifier.text) == again.verifier
    assert open_note(again.sign(text), [signer.verifier]).text == text


@given(st.binary())
def test_nonsense_is_no_note(data: bytes) -> None:
    with pytest.raises(NoteError):
        parse_note(data)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a",
        "a+b",
        GO_VERIFIER.upper(),
        GO_VERIFIER.replace("c74f20a3", "C74F20A3"),
        GO_VERIFIER.replace("c74f20a3", "c74f20a4"),
        GO_VERIFIER.replace("Peter", "Pater"),
        GO_VERIFIER.replace("Peter", "Peter "),
        GO_VERIFIER.replace("ARpc", "AQpc"),
        GO_VERIFIER.replace("ARpc", "AhpC"),
        GO_VERIFIER + "AAAA",
        "+" + GO_VERIFIER,
    ],
)
def test_bad_keys(key: str) -> None:
    with pytest.raises(NoteError):
        Verifier.parse(key)
    with pytest.raises(NoteError):
        Signer.parse("PRIVATE+KEY+" + key)


def test_an_error_never_shows_the_secret() -> None:
    secret = GO_SIGNER.rpartition("+")[2]
    with pytest.raises(NoteError) as caught:
        Signer.parse(GO_SIGNER.replace("c74f20a3", "c74f20a4"))
    assert secret not in str(caught.value)


def test_checkpoint() -> None:
    checkpoint = Checkpoint("reservations/x", 7, bytes(32))
    text = "reservations/x\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    assert checkpoint.text == text
    assert Checkpoint.parse(text) == checkpoint
    for bad in (
        text[:-1],
        text + "more\n",
        text.replace("7", "07"),
        text.replace("7", "-7"),
        text.replace("7", "７"),
        text.replace("=", ""),
        text.replace("A=", "B="),
        text.replace("AAAA", "", 1),
        "\n" + text.partition("\n")[2],
    ):
        with pytest.raises(NoteError):
            Checkpoint.parse(bad)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
