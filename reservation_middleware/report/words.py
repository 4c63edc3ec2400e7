"""One thing, one word: how every verb, page and log line names purposes, values and stages.

The table is in ``spec/vocabulary.md``, "Words for people". Records keep the words of the contract.
"""

import re
from collections.abc import Iterable

from reservation_middleware.model import Preference, Stage

#: What a purpose is called behind "for".
PURPOSES = {
    "search": "search",
    "ai-index": "AI indexes",
    "ai-input": "AI answers",
    "ai-train-gen": "training generative AI",
    "ai-train-nongen": "training other AI",
    "tdm": "text and data mining",
    "ai-train": "AI training",
    "ai": "any use by AI",
    "tdm-all": "AI and data mining",
}
#: What a preference is called. None: there is none, as the page may not be fetched.
VALUES = {
    Preference.ALLOWED: "yes",
    Preference.DISALLOWED: "no",
    Preference.UNKNOWN: "not said",
    None: "not said",
}
#: What a stage is called.
STAGES = {
    Stage.SITE: "before the fetch",
    Stage.HEADERS: "after the headers",
    Stage.CONTENT: "after the content",
}


def purposes(given: Iterable[str]) -> str:
    """Purposes as a sentence has them.

    >>> purposes(["ai-train", "tdm"])
    'AI training and text and data mining'
    """
    return listed([PURPOSES.get(name, name) for name in given])


def listed(words: list[str], *, most: int = 0) -> str:
    """Words with commas and "and"; beyond the most, how many there are besides (0: all are named).

    >>> listed(["a", "b", "c", "d"], most=2)
    'a, b and 2 more'
    """
    if most and len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


#: What errors of the network mean, by words that occur in them.
_NETWORK = (
    (("DNSError", "Name or service not known", "nodename", "No address"), "no such host (DNS)"),
    (("Certificate", "CERTIFICATE", "SSL", "ssl.", "TLS"), "no trusted TLS connection"),
    (("refused", "Connect call failed", "ConnectionRefused"), "the connection is refused"),
    (("Timeout", "timed out"), "no answer in time"),
    (("Disconnected", "reset", "ClientOSError", "closed"), "the connection is cut"),
)
_ERROR_NAME = re.compile(r"\b[A-Z]\w*(?:Error|Exception|Timeout|Invalid\w*)(?:: |$)")


def network_problem(problem: str) -> str:
    """What kept something from being fetched, without the names of libraries.

    >>> network_problem("ClientConnectorDNSError: Cannot connect to host a.invalid:443")
    'no such host (DNS)'
    """
    if problem.startswith(("a fault of this machine", "a bot check", "no answer yet")):
        return _ERROR_NAME.sub("", problem)
    for signs, meaning in _NETWORK:
        if any(sign in problem for sign in signs):
            return meaning
    return _ERROR_NAME.sub("", problem) or "it failed"
