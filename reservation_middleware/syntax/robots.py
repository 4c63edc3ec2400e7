"""The robots.txt reader: every line kept with its number, groups by product token.

RFC 9309 §2.2 with the leniency that Google and Protego share (a missing colon, common
misspellings). It knows groups, rules and other records; what an unknown directive means
is the business of the signal that reads it. Rules are stored once per group, however
many agents the group names, and agents that share groups share one merged view.
"""

import re
from typing import NamedTuple

#: Bytes that are read (RFC 9309 §2.5 asks for at least 500 KiB); cut at a line end.
LIMIT = 512 * 1024
#: Problems that are kept, and product tokens of one line.
MAX_PROBLEMS, MAX_TOKENS = 1000, 1000

_AGENT, _ALLOW, _DISALLOW = "user-agent", "allow", "disallow"

_KINDS: dict[str, str] = {
    **dict.fromkeys(("user-agent", "useragent", "user agent"), _AGENT),
    "allow": _ALLOW,
    **dict.fromkeys(
        ("disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"), _DISALLOW
    ),
}
# The spellings nearly every file uses, found without lower-casing.
_EXACT: dict[str, str] = {
    "User-agent": _AGENT,
    "User-Agent": _AGENT,
    "Disallow": _DISALLOW,
    "Allow": _ALLOW,
    **_KINDS,
    **{
        key: key.lower()
        for key in (
            *("Sitemap", "Crawl-delay", "Crawl-Delay", "Host", "License", "Clean-param"),
            *("Content-Signal", "Content-signal", "Content-Usage", "Request-rate"),
        )
    },
}

# RFC 9309 §2.2.1 has letters, "-" and "_"; digits and dots are in wide use.
_TOKEN = re.compile(r"[A-Za-z0-9_.-]+")


class Rule(NamedTuple):
    """An Allow or Disallow line."""

    allow: bool
    path: str
    line: int


class Record(NamedTuple):
    """Any other line of the form ``key: value`` (RFC 9309 §2.2.4); the key in lower case."""

    key: str
    value: str
    line: int


class Problem(NamedTuple):
    """A line that could not be taken as it stands, and why."""

    what: str
    line: int
    text: str


class Group:
    """Rules and records for one or more product tokens.

    Attributes:
        tokens: product tokens in lower case, each with the line that names it.
        rules: Allow and Disallow lines in file order; those without a path left out.
        records: other lines inside the group.

    """

    __slots__ = ("memo", "records", "rules", "tokens")

    def __init__(self) -> None:
        self.tokens: list[tuple[str, int]] = []
        self.rules: list[Rule] = []
        self.records: list[Record] = []
        #: What readers above keep with a group, by their own key.
        self.memo: dict[str, object] = {}

    @property
    def agents(self) -> tuple[str, ...]:
        """The product tokens, each once; made once, since many rules may refer to them."""
        agents = self.memo.get("agents")
        if not isinstance(agents, tuple):
            agents = self.memo["agents"] = tuple(dict.fromkeys(token for token, _ in self.tokens))
        return agents

    def line_of(self, token: str) -> int | None:
        """The line that names a token in this group, the ``*`` line if none does."""
        lines = dict(reversed(self.tokens))
        return lines.get(token, lines.get("*"))


class RobotsFile:
    """A robots.txt as written.

    Attributes:
        groups: in file order.
        loose: records before the first group; they belong to nobody by RFC 9309.
        keys: the keys of all other records, in lower case.
        problems: the first lines that were unreadable or given a lenient reading.
        truncated: whether the file was longer than ``LIMIT``.

    """

    __slots__ = (
        "_by_token",
        "_lines",
        "_merged",
        "groups",
        "keys",
        "loose",
        "problems",
        "truncated",
    )

    def __init__(self, body: bytes) -> None:
        self.truncated = len(body) > LIMIT
        if self.truncated:
            # The last line may be half a rule, so the cut is made before it.
            end = max(body.rfind(b"\n", 0, LIMIT), body.rfind(b"\r", 0, LIMIT))
            body = body[: end + 1] if end >= 0 else b""
        self._lines = _lines(body)
        self.groups: list[Group] = []
        self.loose: list[Record] = []
        self.problems: list[Problem] = []
        self.keys: set[str] = set()
        self._read()
        self._by_token: dict[str, list[int]] = {}
        for number, group in enumerate(self.groups):
            for token, _ in group.tokens:
                numbers = self._by_token.setdefault(token, [])
                if not numbers or numbers[-1] != number:
                    numbers.append(number)
        self._merged: dict[tuple[int, ...], Group] = {}

    def line(self, number: int) -> str:
        """The text of a line (from 1)."""
        return self._lines[number - 1].strip()

    @property
    def line_count(self) -> int:
        """How many lines were read."""
        return len(self._lines)

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every product token that a group names, in lower case, in file order."""
        return tuple(self._by_token)

    def between_agents(self, key: str) -> set[int]:
        """Lines of records with a key that stand between user-agent lines of one group."""
        return {
            record.line
            for group in self.groups
            if group.tokens
            for record in group.records
            if record.key == key and record.line < group.tokens[-1][1]
        }

    def parts(self, token: str) -> tuple[Group, ...]:
        """The groups that name a token (lower case), not combined."""
        return tuple(self.groups[number] for number in self._by_token.get(token, ()))

    def named(self, token: str) -> Group | None:
        """The combined groups that name a token (lower case), None if none does (§2.2.1)."""
        numbers = self._by_token.get(token)
        if numbers is None:
            return None
        if len(numbers) == 1:
            return self.groups[numbers[0]]
        key = tuple(numbers)
        merged = self._merged.get(key)
        if merged is None:
            merged = self._merged[key] = Group()
            for number in numbers:
                group = self.groups[number]
                merged.tokens += group.tokens
                merged.rules += group.rules
                merged.records += group.records
        return merged

    def group_for(self, token: str) -> Group | None:
        """The group that a crawler with this token obeys: its own, else ``*``, else none."""
        return self.named(token) or self.named("*")

    def _read(self) -> None:
        group: Group | None = None
        naming = False  # inside a run of user-agent lines
        exact = _EXACT
        for number, raw in enumerate(self._lines, 1):
            if not raw:
                continue
            line = raw.partition("#")[0] if "#" in raw else raw
            key, colon, value = line.partition(":")
            kind = exact.get(key) if colon else None
            if kind is None:
                if not line or line.isspace():
                    continue
                if colon or line.lstrip()[0] in "aAdDuU":
                    kind, value = _classify(key, colon, value, line)
                if kind is None:
                    self._problem("unreadable", number, line)
                    continue
            value = value.strip()
            if kind is _DISALLOW or kind is _ALLOW:
                naming = False
                if group is None:
                    self._problem("rule-outside-group", number, line)
                elif value:
                    group.rules.append(Rule(kind is _ALLOW, value, number))
            elif kind is _AGENT:
                if not naming or group is None:
                    group = Group()
                    self.groups.append(group)
                    naming = True
                self._name(group, value, number)
            else:
                # §2.2.4: other records MUST NOT interfere, so they do not end a run.
                self.keys.add(kind)
                (self.loose if group is None else group.records).append(Record(kind, value, number))

    def _problem(self, what: str, number: int, text: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(what, number, text.strip()))

    def _name(self, group: Group, value: str, number: int) -> None:
        tokens = product_tokens(value)
        if not tokens:
            self._problem("agent-unreadable", number, value)
        elif len(tokens) > 1:
            self._problem("agent-list", number, value)
        group.tokens.extend((token, number) for token in tokens)


def product_tokens(value: str) -> tuple[str, ...]:
    """The product tokens that a user-agent line names, in lower case.

    A token ends at the first character that cannot be in one, as Google reads it, so
    that ``Foo/1.1`` and ``Foo*`` name ``foo`` and ``*bot`` nobody; a comma list names
    each of its members (erratum 8895), because that is what its author meant.
    """
    if _TOKEN.fullmatch(value):
        return (value.lower(),)
    found = []
    for part in value.split(",", MAX_TOKENS)[:MAX_TOKENS]:
        part = part.strip()
        if part == "*" or part[:2] in ("* ", "*\t"):
            found.append("*")
        else:
            token = _TOKEN.match(part)
            if token:
                found.append(token[0].lower())
    return tuple(dict.fromkeys(found))


def _lines(body: bytes) -> list[str]:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = body.decode("utf-16", "replace")
    else:
        # Half a byte order mark is skipped, too, as Google does.
        for octet in (b"\xef", b"\xbb", b"\xbf"):
            if not body.startswith(octet):
                break
            body = body[1:]
        text = body.decode("utf-8", "replace")
    # Only CR, LF and CRLF end a line; str.splitlines() also splits at U+2028 and others.
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")


def _classify(key: str, colon: str, value: str, line: str) -> tuple[str | None, str]:
    """Kind (or lower-case key) and value of a line whose key is not spelled as usual."""
    name = key.strip().lower()
    if colon:
        kind = _KINDS.get(name)
        if kind:
            return kind, value
        if name and (not value or value[0] in " \t"):
            return name, value
    # No colon, or one that belongs to the value: "Disallow /x", "Disallow http://…".
    words = line.split(None, 2)
    kind = _KINDS.get(words[0].lower())
    if kind:
        return kind, line.split(None, 1)[1] if len(words) > 1 else ""
    if len(words) > 1 and words[0].lower() == "user" and words[1].lower() == "agent":
        return _AGENT, words[2] if len(words) > 2 else ""
    return (name, value) if colon and name else (None, "")
