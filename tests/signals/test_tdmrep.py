"""TDMRep: what no vector can say. Its policies are bounded and never raise; answers are kept."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reservation_middleware import Agent, Check, Decision, Document, Outcome
from reservation_middleware.model import Preference
from reservation_middleware.signals import ParsedDocument
from reservation_middleware.signals.tdmrep.policy import POLICY, PolicyFindings, read_policy
from support import Json

A = "https://a.example/"
P = "https://b.example/policy.json"
WORDS = ("@context", "@graph", "@id", "@value", "assigner", "permission", "odrl:duty", "action")
MORE = ("tdm:mine", "constraint", "leftOperand", "rightOperand", "vcard:hasEmail", "vcard:hasURL")


def policy(body: bytes, kind: str = "application/ld+json") -> PolicyFindings:
    document = Document(
        url=P,
        resource=POLICY.name,
        outcome=Outcome.FETCHED,
        status=200,
        headers=(("content-type", kind),),
        body=body,
    )
    return read_policy(ParsedDocument(document, POLICY))


def site(policy_url: str = P, value: int = 1) -> Check:
    check = Check(A + "x", agent=Agent("ExampleBot"))
    rules = [{"location": "/", "tdm-reservation": value, "tdm-policy": policy_url}]
    for name, body in (
        ("robots.txt", b""),
        ("tdmrep.json", msgspec.json.encode(rules)),
    ):
        place = "" if name == "robots.txt" else ".well-known/"
        check.feed(
            Document(
                url=f"{A}{place}{name}",
                resource=name,
                outcome=Outcome.FETCHED,
                status=200,
                body=body,
            )
        )
    return check


def test_a_policy_is_wanted_once_and_changes_only_what_is_shown() -> None:
    check = site()
    before = check.decide()
    assert [offer.contact for offer in before.offers] == [None]
    [wanted] = check.wants()
    assert (wanted.resource, wanted.url, wanted.limit) == ("tdm-policy", P, 256 * 1024)
    check.feed(
        Document(
            url=P,
            resource=wanted.resource,
            outcome=Outcome.FETCHED,
            status=200,
            body=b'{"assigner": {"vcard:hasEmail": "mailto:rights@b.example"}}',
        )
    )
    assert check.wants() == ()
    after = check.decide()
    assert [offer.contact for offer in after.offers] == ["rights@b.example"] * 2
    assert "tdm-policy" in after.consulted
    for field in ("action", "verdict", "usage", "reasons"):
        assert getattr(before, field) == getattr(after, field)


def test_no_policy_is_wanted_where_nothing_is_reserved() -> None:
    assert site(value=0).wants() == ()


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://10.0.0.1/x", "file:///etc/passwd"])
def test_no_policy_is_wanted_from_inside_the_house(url: str) -> None:
    assert site(url).wants() == ()


def test_pages_of_one_rule_share_their_answer() -> None:
    check = site()
    check.feed(
        Document(
            url=P,
            resource="tdm-policy",
            outcome=Outcome.FETCHED,
            status=200,
            body=b'{"permission": [{"action": "tdm:mine"}]}',
        )
    )
    first, second = check.decide(), check.decide()
    assert first.reasons is second.reasons
    assert first.reasons[0].conditions == ("duty=none",)
    assert first.verdict is Preference.DISALLOWED


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(MORE),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from((*WORDS, *MORE)) | st.text(), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_any_json_is_read(value: Any) -> None:
    found = policy(msgspec.json.encode(value))
    shown = [offer.contact or "" for offer in found.contacts]
    shown += [*found.conditions, *(one.value for one in found.identifiers)]
    assert all(text.isprintable() and 0 < len(text) <= 401 for text in shown)
    assert len(found.contacts) <= 8


@given(st.binary(max_size=300), st.sampled_from(["", "text/html", "application/json"]))
def test_any_bytes_are_read(body: bytes, kind: str) -> None:
    assert policy(body, kind).contacts == ()
    policy(b'{"assigner": {"hasEmail": "' + body, kind)


LIMIT = 256 * 1024
HUGE: Json = {
    "nested": b"[" * LIMIT,
    "objects": b'{"permission":' * (LIMIT // 15),
    "contexts": (b'"@context":[' * (LIMIT // 12)),
    "contexts-closed": (b'"@context": ["x"] "' * (LIMIT // 19)),
    "spaces": b'{"@context":' + b" " * LIMIT,
    "permissions": b'{"permission":[' + b'{"action":"tdm:mine"},' * 10_000 + b"{}]}",
    "mail": b'{"assigner":{"hasEmail":"' + b"a@" * 100_000 + b'"}}',
    "names": b'{"permission":[],' + b",".join(b'"%d:x":1' % n for n in range(20_000)) + b"}",
}


@pytest.mark.parametrize("body", HUGE.values(), ids=HUGE)
def test_huge_policies_take_no_time(body: bytes) -> None:
    found = policy(body[:LIMIT])
    assert len(found.contacts) + len(found.conditions) <= 16


def test_a_policy_that_is_too_large_is_not_read() -> None:
    found = policy(b'{"permission": []' + b" " * LIMIT + b"}")
    assert [note.summary for note in found.notes] == [
        "the policy could not be read (over 256 KiB); what is reserved stays reserved"
    ]


def decided(kind: str, body: bytes) -> Decision:
    check = Check(A + "x", agent=Agent("ExampleBot"))
    check.feed(
        Document(
            url=A + "x",
            resource="page",
            outcome=Outcome.FETCHED,
            status=200,
            headers=(("content-type", kind),),
            body=body,
        )
    )
    return check.decide()


def test_metas_of_html_are_not_looked_for_in_files() -> None:
    meta = b'<meta name="tdm-reservation" content="1">'
    assert decided("text/html", meta).verdict is Preference.DISALLOWED
    for kind in ("application/pdf", "application/epub+zip", "image/png"):
        assert decided(kind, meta).verdict is Preference.UNKNOWN


#: Pieces of locations and addresses: escapes of reserved characters, of others, and bare ones.
PIECES = st.sampled_from(
    ("/", "a", "b", "*", "$", "?", "&", "=", "%3F", "%3f", "%26", "%2A", "%24", "%2F", "%25", "%61")
)


def _apart(text: str) -> list[str]:
    """A location or address as the text compares it, a character or an escape at a time."""
    found = []
    for piece in re.findall("%[0-9A-Fa-f]{2}|.", text):
        escaped = len(piece) == 3
        plain = chr(int(piece[1:], 16)) if escaped else piece
        # Reserved (RFC 3986 §2.2), and "%" itself; $ and * may have to be written so.
        stays = escaped and plain in ":/?#[]@!&'()+,;=%"
        found.append(piece.upper() if stays else plain)
    return found


def _matches(location: str, path: str) -> bool:
    """Whether a location matches, by a regular expression of its pieces."""
    ends = location.endswith("$")
    parts = [
        "".join(map(re.escape, (f"<{one}>" for one in _apart(part))))
        for part in (location[:-1] if ends else location).split("*")
    ]
    pattern = "(?:<[^>]*>)*".join(parts) + ("$" if ends else "")
    return re.match(pattern, "".join(f"<{one}>" for one in _apart(path))) is not None


@settings(max_examples=1_000, deadline=None)
@given(st.lists(PIECES, max_size=6), st.lists(PIECES, max_size=6))
def test_locations_match_as_the_text_compares_them(pattern: list[str], path: list[str]) -> None:
    location, target = "/" + "".join(pattern), "/" + "".join(path)
    check = Check(A.removesuffix("/") + target, agent=Agent("ExampleBot"))
    check.feed(
        Document(
            url=f"{A}.well-known/tdmrep.json",
            resource="tdmrep.json",
            outcome=Outcome.FETCHED,
            status=200,
            body=msgspec.json.encode([{"location": location, "tdm-reservation": 1}]),
        )
    )
    assert check.decide().verdict == ("disallowed" if _matches(location, target) else "unknown")
