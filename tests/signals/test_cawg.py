"""CAWG assertions: what vectors cannot say. Contents of assertions never raise."""

from typing import Any

import pytest

pytest.importorskip("PIL")
pytest.importorskip("pikepdf")
pytest.importorskip("c2pa")

import media_files as make
from hypothesis import given, settings
from hypothesis import strategies as st
from test_plus import decide

from reservation_middleware.model import Document, Outcome, Preference
from reservation_middleware.signals import CONTENT, ParsedDocument
from reservation_middleware.signals.cawg import Cawg
from reservation_middleware.syntax.media import Claim, Media, c2pa

NAMES = st.sampled_from(
    ("cawg.ai_training", "c2pa.ai_training", "cawg.other", "own.x", "", "cawg.")
)
USES = st.sampled_from(("allowed", "notAllowed", "constrained", "", "no", "x" * 2000))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.builds(
            Claim,
            st.sampled_from(
                ("cawg.training-mining", "c2pa.training-mining", "cawg.ai_training_and_data_mining")
            ),
            st.dictionaries(NAMES, st.tuples(USES, st.text(max_size=20))),
            st.booleans(),
            st.tuples(st.text(max_size=20)),
            st.frozensets(NAMES),
        ),
        max_size=5,
    )
)
def test_what_does_not_verify_never_allows(claims: list[Claim]) -> None:
    document = Document(url="https://a.example/x", resource="page", outcome=Outcome.FETCHED)
    source = ParsedDocument(document, CONTENT)
    source.__dict__["file"] = Media("jpeg", claims=tuple(claims))
    findings = Cawg().parse(source)
    said = findings.statements() if findings else ()
    if not any(claim.valid for claim in claims):
        assert Preference.ALLOWED not in {one.preference for one in said}
    assert findings is None or len(findings.notes) <= 10
    near = [one for one in said if one.near_miss]
    assert {one.text.partition(": ")[2] for one in near} <= {"notAllowed"}
    assert not findings or not any(one.near_miss for one in findings.to_the_letter.statements())


@pytest.mark.parametrize(
    "data",
    [
        *({}, {"entries": "x"}, {"entries": {"cawg.ai_training": {"use": 1}}}, {"x": [1]}),
        *({"entries": {"cawg.ai_training": "allowed"}}, {"cawg.ai_training": ["notAllowed"]}),
    ],
)
def test_contents_of_any_shape(data: Any) -> None:
    decision = decide(make.signed(make.jpeg(), [("cawg.training-mining", data)]))
    assert not decision.blocked
    assert decision.reasons == ()


def test_an_own_entry_hides_no_reserved_one() -> None:
    own = {f"own.{number}": {"use": "allowed"} for number in range(100)}
    data = {"entries": {**own, "cawg.ai_generative_training": {"use": "notAllowed"}}}
    assert decide(make.signed(make.jpeg(), [("cawg.training-mining", data)])).blocked


def test_xmp_and_manifest_of_one_file_are_two_families() -> None:
    packet = make.data_mining("DMI-ALLOWED")
    body = make.signed(make.jpeg(packet), [make.mining(ai_generative_training="notAllowed")])
    decision = decide(body)
    assert decision.blocked
    assert {reason.signal for reason in decision.reasons} == {"plus", "cawg"}
    assert "conflict" in {note.kind.ident for note in decision.notes}


def test_the_manifest_of_an_ingredient_is_another_works() -> None:
    inner = make.signed(make.jpeg(), [make.mining(ai_generative_training="notAllowed")])
    assert decide(inner).blocked
    assert not decide(make.signed(inner, [])).blocked


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(NAMES | st.text(max_size=5), JSON, max_size=100) | JSON)
def test_every_entry_of_an_assertion_is_kept_or_told(data: Any) -> None:
    entries, unread, _ = c2pa._entries(data)
    given_entries = data.get("entries", data) if isinstance(data, dict) else None
    if not isinstance(given_entries, dict):
        assert unread
        return
    others = [name for name in given_entries if name[:1_000] not in entries]
    bare = given_entries is data and not isinstance(data.get("metadata", {}), dict)
    assert len(unread) == len(others) - bare
