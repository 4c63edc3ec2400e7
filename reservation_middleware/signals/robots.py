"""robots.txt crawl rules: RFC 9309, groups by our reader, Allow and Disallow by Protego.

Says whether a page may be fetched; usage is other signals' business. Reference:
https://www.rfc-editor.org/rfc/rfc9309
"""

import re
from collections.abc import Iterator, Sequence

from reservation_middleware.model import (
    CRAWL,
    Level,
    Note,
    NoteKind,
    Outcome,
    Preference,
    Scope,
    Statement,
)
from reservation_middleware.syntax.robots import Group, LineProblem, RobotsFile, Rule
from reservation_middleware.syntax.robots_rules import FREE, GroupRules
from reservation_middleware.syntax.robots_unread import more_problems
from reservation_middleware.syntax.spelling import shown, sounds_of_ai_use

from .base import (
    NO_DEPENDENCIES,
    ROBOTS_TXT,
    Carrier,
    Dependencies,
    Findings,
    Intent,
    ParsedDocument,
    Question,
    Rendering,
    Settled,
    Signal,
    Status,
    shorten,
)

_RFC = "https://www.rfc-editor.org/rfc/rfc9309#section-"
#: Notes of one kind that are kept for one file.
_MOST = 10

TRUNCATED = NoteKind(
    "robots-truncated",
    Level.WARNING,
    "the file is longer than 512 KiB and was cut at a line end",
    "Keep robots.txt under 500 KiB; merge groups that have the same rules.",
    _RFC + "2.5",
)
UNREADABLE = NoteKind(
    "robots-line-unreadable",
    Level.WARNING,
    "not a robots.txt line: {}",
    "Write every line as 'key: value', or as a comment.",
    _RFC + "2.2",
)
OUTSIDE = NoteKind(
    "robots-rule-outside-group",
    Level.WARNING,
    "a rule before the first user-agent line applies to nobody: {}",
    "Put a user-agent line above it.",
    _RFC + "2.2.1",
)
AGENT_LIST = NoteKind(
    "robots-agent-list",
    Level.WARNING,
    "several product tokens on one line, which many parsers misread: {}",
    "Write one user-agent line per product token.",
    "https://www.rfc-editor.org/errata/eid8895",
)
AGENT_UNREADABLE = NoteKind(
    "robots-agent-unreadable",
    Level.WARNING,
    "a user-agent line without a product token",
    "Name a product token, or * for everyone.",
    _RFC + "2.2.1",
)
AGENT_BROWSER = NoteKind(
    "robots-agent-browser",
    Level.WARNING,
    "a browser's name, which no crawler goes by: {}",
    "Name the crawler's product token; robots.txt says nothing to browsers.",
    _RFC + "2.2.1",
)
AGENT_STRING = NoteKind(
    "robots-agent-string",
    Level.WARNING,
    "of a whole User-Agent string only the first word is read as a name: {}",
    "Write the crawler's product token alone, such as Googlebot.",
    _RFC + "2.2.1",
)
AGENT_NAMES = NoteKind(
    "robots-agent-names",
    Level.WARNING,
    "several names on one line without commas, of which only the first is read: {}",
    "Write one user-agent line per product token.",
    _RFC + "2.2.1",
)
AGENT_CHARACTER = NoteKind(
    "robots-agent-character",
    Level.WARNING,
    "a character that looks like a hyphen, or is not seen, ends the name early: {}",
    "Type the name anew with plain hyphens.",
    _RFC + "2.2.1",
)
JOINED = NoteKind(
    "robots-lines-joined",
    Level.WARNING,
    "several lines on one line, of which only the first is read: {}",
    "Write every line on a line of its own; see to it that line ends survive the upload.",
    _RFC + "2.2",
)
MISSPELT = NoteKind(
    "robots-key-misspelt",
    Level.WARNING,
    "a key that is nearly right says nothing: {}",
    "Correct the key.",
    _RFC + "2.2",
)
MISSPELLING = NoteKind(
    "robots-misspelling-read",
    Level.INFO,
    "a misspelt key, or one without its colon, was read all the same: {}",
    "Write User-agent, Allow and Disallow, each with a colon: other readers may pass the line over.",
    _RFC + "2.2",
)
AI_KEY = NoteKind(
    "robots-ai-key-unknown",
    Level.WARNING,
    "a line that seems to be about AI use has a key that no text defines, so it says nothing: {}",
    "Say it with Content-Usage or Content-Signal.",
    "https://datatracker.ietf.org/doc/html/draft-ietf-aipref-attach-05#section-3",
)
COMMENT = NoteKind(
    "robots-comment-reservation",
    Level.WARNING,
    "a comment speaks of text and data mining, and comments are not read: {}",
    "Say it in a machine-readable way, too: Content-Usage, Content-Signal or a tdmrep.json.",
    "https://eur-lex.europa.eu/eli/dir/2019/790/oj",
)
HTML = NoteKind(
    "robots-is-html",
    Level.WARNING,
    "what was served as robots.txt is an HTML page",
    "Serve robots.txt as text/plain, or answer 404 if there is none.",
    _RFC + "2.3",
)
UNREACHABLE = NoteKind(
    "robots-unreachable",
    Level.ERROR,
    "robots.txt could not be had ({}), so nothing may be fetched for now",
    "Answer robots.txt with 200, or with 404 if there is none.",
    _RFC + "2.3.1.4",
)
WITHHELD = NoteKind(
    "robots-withheld",
    Level.ERROR,
    "robots.txt was not shown ({}), so nothing may be fetched for now",
    "Serve /robots.txt without a challenge: a crawler that cannot read it has to stay away.",
    _RFC + "2.3.1.4",
)
NOT_ASKED = NoteKind(
    "robots-not-asked",
    Level.ERROR,
    "robots.txt could not be asked for ({}), so nothing is fetched for now",
    "Mend the crawler's network or settings; the site has nothing to do.",
    _RFC + "2.3.1.4",
)
REFUSED = NoteKind(
    "robots-refused",
    Level.WARNING,
    "robots.txt was refused ({}), which means that there are no rules",
    "If crawlers should stay out, serve a robots.txt that says so.",
    _RFC + "2.3.1.3",
)

_PROBLEMS = {
    "unreadable": UNREADABLE,
    "rule-outside-group": OUTSIDE,
    "agent-list": AGENT_LIST,
    "agent-unreadable": AGENT_UNREADABLE,
    "agent-browser": AGENT_BROWSER,
    "agent-string": AGENT_STRING,
    "agent-names": AGENT_NAMES,
    "agent-character": AGENT_CHARACTER,
    "lines-joined": JOINED,
    "misspelling": MISSPELLING,
}
# How a page of HTML begins, or a piece of one: no line of a robots.txt does.
_MARKUP = rb"<[a-z!?]"
#: Keys of lines that say it in a machine-readable way.
_SAYING = frozenset({"content-usage", "content-signal", "license", "disallowaitraining"})
#: Keys of SPEAKING whose misspellings are this signal's to tell.
_OWN = ("user-agent", "allow", "disallow")

_ALLOWED = Settled(crawl=Preference.ALLOWED)
_ALLOWED_ONLY_HERE = Settled(crawl=Preference.ALLOWED, page_only=True)
_DISALLOWED_ONLY_HERE = Settled(crawl=Preference.DISALLOWED, page_only=True)


class RobotsFindings(Findings):
    """A robots.txt, read or not."""

    __slots__ = ("robots", "source")

    def __init__(
        self, source: ParsedDocument, robots: RobotsFile | None, notes: tuple[Note, ...]
    ) -> None:
        super().__init__(source.place, notes)
        self.source = source
        self.robots = robots

    def group(self, token: str) -> tuple[Group, GroupRules] | None:
        """The group that a token obeys, if it has rules."""
        group = self.robots.group_for(token) if self.robots else None
        return (group, GroupRules.of(group)) if group is not None and group.plain else None

    def unread(self) -> Settled:
        """What a file that could not be had amounts to (§2.3.1.3, §2.3.1.4)."""
        if self.source.document.outcome is Outcome.UNAVAILABLE:
            return _ALLOWED
        why = _why(self.source)
        statement = Statement(
            signal=Robots.name,
            carrier="robots.txt",
            category=CRAWL,
            covers=(CRAWL,),
            preference=Preference.DISALLOWED,
            text=f"unreachable: {why}",
            span=self.source.span(),
        )
        return Settled(crawl=Preference.DISALLOWED, unreachable=why, statements=(statement,))

    def settled(self, group: Group, rule: Rule) -> Settled:
        """What a deciding rule amounts to."""
        return Settled(
            crawl=Preference.ALLOWED if rule.allow else Preference.DISALLOWED,
            statements=(self.statement(group, rule),),
        )

    def statements(self) -> tuple[Statement, ...]:
        """Every Allow and Disallow line, once per group."""
        if self.robots is None:
            return ()
        return tuple(
            self.statement(group, rule) for group in self.robots.groups for rule in group.rules
        )

    def statement(self, group: Group, rule: Rule) -> Statement:
        """The statement that one rule makes."""
        assert self.robots is not None
        return Statement(
            signal=Robots.name,
            carrier="robots.txt",
            category=CRAWL,
            covers=(CRAWL,),
            preference=Preference.ALLOWED if rule.allow else Preference.DISALLOWED,
            text=shorten(self.robots.line(rule.line)),
            span=self.source.span(rule.line),
            scope=Scope(rule.path, group.agents),
        )


class Robots(Signal[RobotsFindings]):
    """RFC 9309."""

    name = "robots"
    title = "robots.txt crawl rules"
    reference = "RFC 9309"
    status = Status.STANDARD
    since = "2022-09"
    carriers = (Carrier("robots.txt", ROBOTS_TXT),)
    terms = {}
    governs_crawl = True
    notes = (
        TRUNCATED,
        UNREADABLE,
        OUTSIDE,
        AGENT_LIST,
        AGENT_UNREADABLE,
        *(AGENT_BROWSER, AGENT_STRING, AGENT_NAMES, AGENT_CHARACTER),
        *(JOINED, MISSPELT, MISSPELLING, AI_KEY, COMMENT),
        HTML,
        UNREACHABLE,
        WITHHELD,
        NOT_ASKED,
        REFUSED,
    )

    def parse(self, source: ParsedDocument) -> RobotsFindings:
        """Read the groups; a file that was not fetched is a finding, too."""
        document = source.document
        if document.outcome is Outcome.UNREACHABLE:
            kind = NOT_ASKED if document.is_machine_fault else UNREACHABLE
            kind = WITHHELD if document.is_withheld else kind
            return RobotsFindings(source, None, (source.note(kind, _why(source)),))
        if document.outcome is Outcome.UNAVAILABLE:
            refused = document.status in (401, 403)
            return RobotsFindings(
                source, None, (source.note(REFUSED, _why(source)),) if refused else ()
            )
        robots = source.robots
        body = (document.body or b"")[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if re.match(_MARKUP, body):
            # Lenient all the same: whatever lines it has are used, its tags are not noted.
            return RobotsFindings(source, robots, (source.note(HTML),))
        notes = (*_problems(source, (*robots.problems, *more_problems(robots))), *_unread(source))
        if robots.truncated:
            notes = (source.note(TRUNCATED), *notes)
        return RobotsFindings(source, robots, notes)

    def settle(self, found: Sequence[RobotsFindings], question: Question) -> Settled:
        """Whether the page may be fetched (RFC 9309 §2.2.2, §2.3.1)."""
        findings = found[0]
        if findings.robots is None:
            return findings.unread()
        found_group = findings.group(question.agent.key)
        if found_group is None:
            return _ALLOWED
        target = question.target
        if target.startswith("/robots.txt") and target.partition("?")[0] == "/robots.txt":
            return _ALLOWED_ONLY_HERE  # §2.2.2: implicitly allowed
        group, rules = found_group
        answer = rules.decide(target, question.path)
        if answer is FREE:
            return _ALLOWED
        allowed, rule = answer
        if rule is None:
            # Protego has read more than the rules that match.
            return _ALLOWED_ONLY_HERE if allowed else _DISALLOWED_ONLY_HERE
        return findings.settled(group, rule)

    def depends_on(self, found: Sequence[RobotsFindings], question: Question) -> Dependencies:
        """The group."""
        found_group = found[0].group(question.agent.key) if found[0].robots else None
        if found_group is None:
            return NO_DEPENDENCIES
        group, rules = found_group
        return Dependencies(group, rules.patterns, rules.index)

    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """One group that allows or disallows everything, or a path."""
        if intent.crawl is None or intent.crawl is Preference.UNKNOWN:
            return ()
        key = "Allow" if intent.crawl is Preference.ALLOWED else "Disallow"
        return (Rendering(self.carriers[0], intent.group(f"{key}: {intent.path or '/'}")),)


def _why(source: ParsedDocument) -> str:
    document = source.document
    return document.problem or (f"HTTP {document.status}" if document.status else "no answer")


def _problems(source: ParsedDocument, problems: Sequence[LineProblem]) -> list[Note]:
    notes: list[Note] = []
    counts = dict.fromkeys(_PROBLEMS, 0)
    for problem in problems:
        counts[problem.what] += 1
        if counts[problem.what] <= _MOST:
            text = problem.text
            if problem.what == "agent-string":
                from reservation_middleware.model.user_agent import (  # noqa: PLC0415 - rare
                    product_token,
                )

                meant = product_token(text)
                text = f"{meant} in {text}" if meant else text
            elif problem.what == "agent-character":
                text = shown(text)
            notes.append(source.note(_PROBLEMS[problem.what], text, problem.line))
    return notes


def _unread(source: ParsedDocument) -> Iterator[Note]:
    """What seems to be meant for crawlers, and is in no line that anything reads."""
    robots = source.robots
    for key in _OWN:
        yield from source.misspelt(MISSPELT, key)
    said = [record for record in source.unread_records.others if sounds_of_ai_use(record.key)]
    for record in said[:_MOST]:
        yield source.note(AI_KEY, f"{shown(record.key)}: {record.value}", record.line)
    if robots.mining and robots.keys.isdisjoint(_SAYING):
        number, comment = robots.mining[0]
        yield source.note(COMMENT, comment, number)
