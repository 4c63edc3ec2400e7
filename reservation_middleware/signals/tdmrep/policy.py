"""The policy document of TDMRep: an ODRL offer in JSON, or a page for people.

It says whom to ask and what for; whatever stands in it, what is reserved stays reserved.
Reference:
https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/#sec-tdm-policy
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from reservation_middleware.model import Identifier, Level, Note, NoteKind, Offer, Outcome
from reservation_middleware.signals.base import HTML, Findings, ParsedDocument, Place, shorten

from .statements import NAME, SPEC

POLICY = Place("tdm-policy", limit=256 * 1024, linked=True)
#: Contacts, permissions, and values of one property that are read.
_MOST = 8

POLICY_UNREACHABLE = NoteKind(
    "tdmrep-policy-unreachable",
    Level.INFO,
    "the policy could not be had ({}); what is reserved stays reserved",
    "Serve the policy where tdm-policy says that it is.",
    SPEC + "sec-tdm-policy",
)
POLICY_UNREADABLE = NoteKind(
    "tdmrep-policy-unreadable",
    Level.WARNING,
    "the policy could not be read ({}); what is reserved stays reserved",
    "Serve an ODRL offer as application/ld+json, or a page for people as text/html.",
    SPEC + "sec-tdm-policy",
)
POLICY_REPAIRED = NoteKind(
    "tdmrep-policy-repaired",
    Level.WARNING,
    "the policy lacks the comma after @context; contacts and conditions were read all the same",
    "Put a comma after the value of @context: as it is, this is not JSON.",
    SPEC + "sec-tdm-policy",
)

# The report's own example lacks this comma, and publishers have copied it. Bounded, since
# whoever writes many openings would have each looked for its end.
_CONTEXT = (
    rb'"@context"\s{0,100}:\s{0,100}'
    rb'(?:\[[^\[\]]{0,2000}\]|\{[^{}]{0,2000}\}|"[^"]{0,500}")(?=\s{0,100}")'
)
_MAIL = r"[^\s@<>\"',;:\x00-\x1f\x7f]{1,64}@[^\s@<>\"',;:/?\x00-\x1f\x7f]{1,255}"
_PHONE = r"tel:\+?[0-9(][0-9().-]{1,40}(;[0-9A-Za-z=.+-]{1,40})?"
_SPACE = r"\s+"
_TERMS = ("tdm:", "http://www.w3.org/ns/tdmrep")
#: ODRL's operators as they are shown.
_SIGNS = {"eq": "=", "neq": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}


class PolicyFindings(Findings):
    """What a policy document says."""

    __slots__ = ("conditions", "contacts", "identifiers", "url")

    def __init__(self, source: ParsedDocument, notes: tuple[Note, ...] = ()) -> None:
        super().__init__(source.place, notes)
        self.url = source.document.url
        self.contacts: tuple[Offer, ...] = ()
        #: Of each permission what it asks for, in the profile's words.
        self.conditions: tuple[str, ...] = ()
        self.identifiers: tuple[Identifier, ...] = ()


def read_policy(source: ParsedDocument) -> PolicyFindings:
    """Read a policy document, had or not."""
    document = source.document
    if document.outcome is not Outcome.FETCHED:
        why = document.problem or f"HTTP {document.status}"
        return PolicyFindings(source, (source.note(POLICY_UNREACHABLE, why),))
    body = (document.body or b"").removeprefix(b"\xef\xbb\xbf").strip()
    if len(body) > POLICY.limit:
        return PolicyFindings(source, (source.note(POLICY_UNREADABLE, "over 256 KiB"),))
    if document.media_type in HTML and not body.startswith((b"{", b"[")):
        return PolicyFindings(source)  # for people
    data = written = _decoded(body)
    if written is None:
        data = _decoded(re.sub(_CONTEXT, rb"\g<0>,", body, count=1))
        if data is None:
            return PolicyFindings(source, (source.note(POLICY_UNREADABLE, "no JSON"),))
    policy = next(_policies(data), None)
    if policy is None:
        return PolicyFindings(source, (source.note(POLICY_UNREADABLE, "no ODRL offer"),))
    repaired = (source.note(POLICY_REPAIRED),) if written is None else ()
    found = PolicyFindings(source, repaired)
    assigner = next((one for one in _all(policy.get("assigner")) if isinstance(one, Mapping)), {})
    card = _local(assigner)
    found.contacts = tuple(_contacts(source, card))
    found.conditions = tuple(dict.fromkeys(_conditions(policy)))
    named = [("rightsholder", name) for name in _texts(card.get("fn"))[:1]]
    named += [("policy", uid) for uid in _texts(policy.get("uid") or policy.get("@id"))[:1]]
    found.identifiers = tuple(
        Identifier(scheme=scheme, value=shorten(value), signal=NAME, document=found.url)
        for scheme, value in named
    )
    return found


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _policies(data: Any) -> Iterator[dict[str, Any]]:
    """Objects that are a policy, at the top, in an array or in a JSON-LD graph."""
    for one in _all(data):
        if isinstance(one, Mapping):
            inner = one.get("@graph")
            for policy in _all(inner) if inner is not None else (one,):
                if isinstance(policy, Mapping):
                    known = _local(policy)
                    if "permission" in known or "assigner" in known:
                        yield known


def _contacts(source: ParsedDocument, card: Mapping[str, Any]) -> Iterator[Offer]:
    """Ways to reach the assigner, by its vCard."""
    contacts: list[str] = []
    for text in _texts(card.get("hasEmail")):
        mail = (text[7:] if text[:7].lower() == "mailto:" else text).partition("?")[0]
        if re.fullmatch(_MAIL, mail):
            contacts.append(mail)
    for text in _texts(card.get("hasTelephone")):
        number = re.sub(_SPACE, "", text if text[:4].lower() == "tel:" else f"tel:{text}")
        if re.fullmatch(_PHONE, number):
            contacts.append(number)
    for text in _texts(card.get("hasURL")):
        url = source.address(text)
        if url:
            contacts.append(url)
    for contact in list(dict.fromkeys(contacts))[:_MOST]:
        url = contact if contact.lower().startswith(("http://", "https://")) else None
        yield Offer(
            kind="contact", signal=NAME, url=url, contact=contact, document=source.document.url
        )


def _conditions(policy: Mapping[str, Any]) -> Iterator[str]:
    """What each permission to mine asks for, e.g. ``purpose=research duty=compensate``."""
    for one in _all(policy.get("permission"))[:_MOST]:
        if not isinstance(one, Mapping):
            continue
        permission = _local(one)
        if "mine" not in map(_name, _texts(permission.get("action"))):
            continue
        words = []
        for constraint in map(_local, _objects(permission.get("constraint"))):
            left = _texts(constraint.get("leftOperand"))
            right = _texts(constraint.get("rightOperand"))
            if left and right:
                words.append(f"{_name(left[0])}{_sign(constraint)}{','.join(map(_term, right))}")
        duties = [
            _name(action)
            for duty in map(_local, _objects(permission.get("duty")))
            for action in _texts(duty.get("action"))
        ]
        words.append(f"duty={','.join(duties) or 'none'}")
        words += [f"target={target}" for target in _texts(permission.get("target"))[:1]]
        yield shorten(" ".join(words))


def _all(value: Any) -> list[Any]:
    """A value, or those of an array; JSON-LD makes no difference between one and an array of one."""
    return [] if value is None else value[:_MOST] if isinstance(value, list) else [value]


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in _all(value) if isinstance(one, Mapping)]


def _texts(value: Any) -> list[str]:
    """The texts of a value: as they are, or as JSON-LD wraps them."""
    found = []
    for one in _all(value):
        if isinstance(one, Mapping):
            known = _local(one)
            one = next(
                (known[key] for key in ("@id", "@value", "hasValue", "value") if key in known), None
            )
            if isinstance(one, Mapping):
                one = one.get("@id")
        if isinstance(one, str) and one.strip():
            found.append(
                shorten("".join(c if c.isprintable() else " " for c in one[:1000]).strip())
            )
    return [text for text in found if text]


def _local(node: Mapping[str, Any]) -> dict[str, Any]:
    """A node's properties without prefixes and namespaces; the first of each name."""
    known: dict[str, Any] = {}
    for key, value in node.items():
        known.setdefault(key if key.startswith("@") else _name(key), value)
    return known


def _sign(constraint: Mapping[str, Any]) -> str:
    """How the two sides of a constraint are compared: another operator than ``eq`` is shown."""
    operator = next(map(_name, _texts(constraint.get("operator"))), "eq")
    return _SIGNS.get(operator, f" {operator} ")


def _term(text: str) -> str:
    """The local name of a term of the profile; other values, such as times, as they stand."""
    return _name(text) if text.startswith(_TERMS) else text


def _name(term: str) -> str:
    """The local name of a term: ``tdm:mine`` and its whole IRI are ``mine``."""
    return re.split(r"[:/#]", term)[-1]
