"""What site owners mean by a tdmrep.json that is not as the report has it.

Only reservations are read in this way, never a 0. Reference:
https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/#sec-tdmrep-file
"""

import msgspec

from reservation_middleware.signals.near_miss import near_miss_note
from reservation_middleware.syntax.path import split_url

from .statements import NAME, SPEC

#: A name that some give to ``tdm-reservation``.
MISNAMED = "tdm_reservation"
NEAR_MISS = near_miss_note(
    NAME,
    'Write [{"location": "/", "tdm-reservation": 1}]: an array, its locations paths, * any text.',
    SPEC + "sec-tdmrep-file",
)


class TdmRule(msgspec.Struct):
    """A rule of the file, its values left as they are written; empty where they are not given."""

    location: msgspec.Raw = msgspec.Raw()
    reservation: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="tdm-reservation")
    policy: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="tdm-policy")
    misnamed: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name=MISNAMED)


TDM_RULE = msgspec.json.Decoder(TdmRule)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SEVERAL = msgspec.json.Decoder(list[msgspec.Raw])
#: Spellings of hosts in one file that are looked at.
_MOST_HOSTS = 100
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def is_given(value: msgspec.Raw) -> bool:
    """Whether a member is there and not null."""
    return bytes(value) not in (b"", b"null")


def rules_inside(text: str) -> list[msgspec.Raw]:
    """The rules of an object that stands where their array should: itself, or in one member.

    There are none where it is no object, holds no rule, or holds some in several members.
    """
    whole = msgspec.Raw(text.encode())
    try:
        members = _MEMBERS.decode(text)
    except _BROKEN:
        return []
    if _is_rule(whole):
        return [whole]
    found = [rules for rules in map(_rules, members.values()) if any(map(_is_rule, rules))]
    return found[0] if len(found) == 1 else []


def _rules(value: msgspec.Raw) -> list[msgspec.Raw]:
    """The members of an array, or the one object that a value is."""
    body = bytes(value)
    try:
        return _SEVERAL.decode(body) if body.startswith(b"[") else [value]
    except _BROKEN:
        return []


def _is_rule(value: msgspec.Raw) -> bool:
    """Whether a value is an object that speaks of a reservation or a location."""
    if not bytes(value).startswith(b"{"):
        return False
    try:
        rule = TDM_RULE.decode(value)
    except _BROKEN:
        return False
    return any(map(is_given, (rule.location, rule.reservation, rule.misnamed)))


class LocationReader:
    """Tells what locations of one file stand for.

    Args:
        origin: of the site.
    """

    __slots__ = ("_known", "_origin")

    def __init__(self, origin: str) -> None:
        self._origin = origin
        #: Whether what a URL has before its path is the site's; a file may name thousands of hosts.
        self._known: dict[str, bool] = {}

    def meant(self, location: str) -> str:
        """The path pattern that a location stands for; "" stands for the whole site.

        Of a URL it is its path, and blanks around it and ``.*`` behind its last slash are left out.
        """
        meant = location.strip()
        if meant[:8].lower().startswith(("https://", "http://")):
            end = meant.find("/", 8)
            before, path = (meant, "/") if end < 0 else (meant[:end], meant[end:])
            if self._is_own(before):
                meant = path
        return meant[:-2] if meant.endswith("/.*") else meant or "/"

    def _is_own(self, before: str) -> bool:
        if before not in self._known:
            if len(self._known) >= _MOST_HOSTS:
                return False
            self._known[before] = split_url(before)[0] == self._origin
        return self._known[before]
