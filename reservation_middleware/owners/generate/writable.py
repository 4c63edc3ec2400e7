"""Refuses intents whose words could not stand in the files: one line that names the key.

What is refused here cannot break out of robots.txt, a server's configuration or a script; what is
let through is escaped as each form demands (``languages.py``) all the same.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from reservation_middleware.model import ConfigurationError
from reservation_middleware.owners.intent import SiteIntent
from reservation_middleware.syntax.path import split_url

#: Characters of one word, and entries of one list.
MAX_WORD, MAX_ENTRIES = 2000, 500
# Without the sub-delimiters (RFC 3986 §2.2) that mean something to shells and servers: they can be
# percent-encoded.
_ADDRESS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@&+,=%]+")
_MAIL = re.compile(r"mailto:[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
_PER = re.compile(r"[A-Za-z][A-Za-z -]{0,39}")
_TAKEN = ("robots.txt", "ai.txt", "trust.txt", "license.xml", ".well-known/tdmrep.json")


def check_writable(intent: SiteIntent, file: str) -> None:
    """Hold an intent against what can be written.

    Raises:
        ConfigurationError: a value cannot be; one line that names the file and the key.
    """
    for key, problem in _problems(intent):
        raise ConfigurationError(f"{file}: {key}: {problem}")


def _problems(intent: SiteIntent) -> Iterable[tuple[str, str]]:
    for key, several in (
        ("path", intent.path),
        ("agent", intent.agent),
        ("media.files", intent.media.files),
    ):
        if len(several) > MAX_ENTRIES:
            yield key, f"has more than {MAX_ENTRIES} entries"
    if (
        split_url(intent.site)[1] != "/"
        or not _ADDRESS.fullmatch(intent.site)
        or "@" in intent.site
    ):
        yield "site", f"{_shown(intent.site)} is no origin, such as https://example.org"
    yield from _address("contact", intent.contact, mail=True)
    for number, path in enumerate(intent.path, 1):
        where = f"path[{number}].match"
        if len(path.match) > MAX_WORD:
            yield where, f"is longer than {MAX_WORD} characters"
        if not _is_printable(path.match) or "#" in path.match or " " in path.match:
            yield where, f"{_shown(path.match)} has a blank, a '#' or a control character"
        if "$" in path.match[:-1]:
            yield where, f"{_shown(path.match)} has a '$' that is not its end: write %24"
    for number, agent in enumerate(intent.agent, 1):
        if len(agent.token) > 100:
            yield f"agent[{number}].token", "is longer than 100 characters"
    for number, pattern in enumerate(intent.media.files, 1):
        parts = PurePosixPath(pattern).parts
        if not _is_printable(pattern) or ".." in parts or pattern.startswith("/") or not parts:
            yield (
                f"media.files[{number}]",
                f"{_shown(pattern)} is no pattern inside the site's folder",
            )
    if intent.licence:
        yield from _address("licence.policy", intent.licence.policy)
        price = intent.licence.price
        if price and not _AMOUNT.fullmatch(price.amount):
            yield (
                "licence.price.amount",
                f"{_shown(price.amount)} is no decimal number, such as 99.50",
            )
        if price and not re.fullmatch("[A-Z]{3}", price.currency):
            yield (
                "licence.price.currency",
                f"{_shown(price.currency)} is no ISO 4217 code, such as EUR",
            )
        if price and price.per and not _PER.fullmatch(price.per):
            yield "licence.price.per", f"{_shown(price.per)} is no word, such as year"
        yield from _policy_path(intent)


def _address(key: str, url: str | None, *, mail: bool = False) -> Iterable[tuple[str, str]]:
    """What is wrong with an address."""
    if url is None:
        return
    if len(url) > MAX_WORD:
        yield key, f"is longer than {MAX_WORD} characters"
    is_http = split_url(url)[0].startswith(("http://", "https://")) and _ADDRESS.fullmatch(url)
    if not is_http and not (mail and _MAIL.fullmatch(url)):
        kinds = "mailto, http or https" if mail else "http or https"
        yield key, f"{_shown(url)} is no {kinds} address in ASCII"


def _policy_path(intent: SiteIntent) -> Iterable[tuple[str, str]]:
    """What is wrong with the place of a policy that is to be written."""
    policy = intent.licence.policy if intent.licence else None
    if policy is None or split_url(policy)[0] != intent.origin:
        return
    path = split_url(policy)[1].removeprefix("/")
    parts = path.split("/")
    if not re.fullmatch(r"[A-Za-z0-9._~/-]+", path) or any(
        part in ("", ".", "..") for part in parts
    ):
        yield (
            "licence.policy",
            f"{_shown(policy)} is no file that could be written; choose a plain name",
        )
    elif path in _TAKEN:
        yield "licence.policy", f"{_shown(policy)} is the address of another file"


def _is_printable(text: str) -> bool:
    return text.isprintable()


def _shown(text: str) -> str:
    """A value as one line of an error has room for it."""
    shown = repr(text)
    return shown if len(shown) <= 80 else f"{shown[:77]}…"
