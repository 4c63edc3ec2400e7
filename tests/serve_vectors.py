"""The conformance vectors as real webs: every vector gets hosts of its own, and is made whole.

Here: the rewriting of hosts and its undoing, the answers that tests/web.py gives for a vector,
and what is compared of two decision records. Not here: crawls; each adapter's test has its own.
A crawl always gets an answer for the page and for every place it probes, so what a vector leaves
out is filled in, and the core is asked about the vector filled in the same way.
"""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from reservation_middleware.decide.batch import FOREIGN, GivenPolicy, decide_lines, policy_of
from reservation_middleware.decide.reading import probed
from reservation_middleware.model import Policy
from reservation_middleware.syntax.path import split_url
from support import DECIDE_ONLY, Json, Vector, load_vectors
from web import Answer

NOW = datetime(2026, 11, 21, tzinfo=UTC)

_HOST = re.compile(r"([a-z0-9-]+)(?=\.example\b)", re.IGNORECASE)
_HOST_BYTES = re.compile(_HOST.pattern.encode(), re.IGNORECASE)
_OWN = re.compile(r"-v\d+(?=\.example\b)", re.IGNORECASE)

#: What is compared of a reason; ``text`` tells how an unreachable file failed, so it is not.
_REASON = ("signal", "carrier", "line", "category", "preference", "inferred", "covers", "document")
_OFFER = ("kind", "signal", "url", "document", "line")


class Case(NamedTuple):
    """A vector that is ready to be served.

    Attributes:
        vector: as it is in its file.
        whole: its input with what it leaves out filled in, the hosts as in the file.
        input: the same with hosts of its own.
        pages: the answer to every URL of that input.
    """

    vector: Vector
    whole: Json
    input: Json
    pages: Mapping[str, Answer]

    @property
    def url(self) -> str:
        """The page to ask for."""
        url: str = self.input["url"]
        return url

    @property
    def agent(self) -> str | list[str]:
        """The product token, or a fallback list."""
        given: str | list[str] = self.input.get("agent", "*")
        return given

    @property
    def purposes(self) -> list[str]:
        """What the agent asks for."""
        return list(self.input.get("purposes", ["ai-train"]))

    @property
    def policy(self) -> Policy:
        """The operator's policy, in enforce mode."""
        return _policy(self.input)

    def expected(self) -> Json:
        """What the core says, as ``facts``."""
        [(line, good)] = decide_lines([msgspec.json.encode(self.whole)], NOW)
        record: Json = msgspec.json.decode(line)
        assert good, record
        return facts(record)


def cases() -> list[Case]:
    """Every vector of every file, each with hosts of its own."""
    return [
        case(vector, number)
        for number, vector in enumerate(load_vectors())
        if not vector.id.startswith(DECIDE_ONLY)
    ]


def case(vector: Vector, number: int) -> Case:
    """One vector with hosts of its own: ``a.example`` becomes ``a-v7.example``."""
    whole = _whole(vector.input)
    own: Json = _rewritten(whole, f"-v{number}")
    return Case(vector, whole, own, {one["url"]: _answer(one) for one in own["documents"]})


def facts(record: Json) -> Json:
    """What two records of one vector must have in common; hosts are those of the file."""
    found: Json = {
        "verdict": record["verdict"],
        "crawl": record["crawl"],
        "action": record["action"],
        "usage": record["usage"],
        "reasons": [{key: reason[key] for key in _REASON} for reason in record["reasons"]],
        "offers": [{key: offer[key] for key in _OFFER} for offer in record["offers"]],
        "identifiers": record["identifiers"],
        # What was not used a crawl was never given.
        "notes": [note["ident"] for note in record["notes"] if note["ident"] != FOREIGN.ident],
    }
    plain: Json = msgspec.json.decode(_OWN.sub("", msgspec.json.encode(found).decode()))
    return plain


def _policy(given: Json) -> Policy:
    changes = msgspec.convert(given["policy"], GivenPolicy) if given.get("policy") else None
    policy = policy_of(given.get("profile", "opt-out"), changes)
    return policy.changed({"licences": given.get("licences", ())})


def _whole(given: Json) -> Json:
    """An input that lists the page with a body, and every place that its profile probes."""
    url = given["url"]
    origin, target = split_url(url)
    documents = []
    listed = set()
    for document in given.get("documents", []):
        listed.add(split_url(document["url"]))
        if document["url"] == url and document.get("outcome") != "unreachable":
            document = {"status": 200, "body": "", **document}  # a head comes with some body
        documents.append(document)
    documents += [
        {"url": origin + place.path, "status": 404, "body": ""}
        for place in probed(_policy(given).probes)
        if place.path and (origin, place.path) not in listed
    ]
    if (origin, target) not in listed:
        kind = ["content-type", "text/plain"]
        documents.append({"url": url, "status": 200, "headers": [kind], "body": ""})
    return {**given, "documents": documents}


def _rewritten(value: Any, suffix: str) -> Any:
    """The same JSON value with a suffix on the label of every host."""
    if isinstance(value, str):
        return _HOST.sub(rf"\g<1>{suffix}", value)
    if isinstance(value, list):
        return [_rewritten(item, suffix) for item in value]
    if isinstance(value, dict):
        if value.keys() == {"base64"}:
            body = base64.b64decode(value["base64"])
            body = _HOST_BYTES.sub(rb"\g<1>" + suffix.encode(), body)
            return {"base64": base64.b64encode(body).decode()}
        return {key: _rewritten(item, suffix) for key, item in value.items()}
    return value


def _answer(document: Json) -> Answer:
    outcome = document.get("outcome")
    if outcome == "unreachable":
        return Answer(fault="reset")
    given = document.get("body", "")
    body = base64.b64decode(given["base64"]) if isinstance(given, dict) else given.encode()
    headers = tuple((name, value) for name, value in document.get("headers", []))
    status = document.get("status") or (404 if outcome == "unavailable" else 200)
    return Answer(status, headers, body=body)
