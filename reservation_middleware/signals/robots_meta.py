"""Page-level robots directives: X-Robots-Tag and robots metas (noai, noimageai, noml …).

There is no standard. Directives that say "AI" or "ML" are direct statements; those that
single vendors read as such (noarchive, nocache, nosnippet) are inferred. Reference:
https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag
"""

from collections.abc import Iterable, Sequence
from typing import Self

from msgspec.structs import replace

from reservation_middleware.model import (
    Level,
    Note,
    NoteKind,
    Preference,
    Scope,
    Statement,
)
from reservation_middleware.model.policy import ProxyAgents
from reservation_middleware.model.vocabulary import AI_INPUT, TRAIN
from reservation_middleware.syntax.field import LIMIT, Directive, robots_directives
from reservation_middleware.syntax.html import Meta
from reservation_middleware.syntax.spelling import nearest, shown, sounds_of_ai_use

from .base import (
    CONTENT,
    HEADERS,
    Carrier,
    Findings,
    Intent,
    ParsedDocument,
    Question,
    Rendering,
    Settled,
    Signal,
    Status,
    Term,
    combine,
    for_display,
    shorten,
    terms_for,
)
from .near_miss import near_miss_note

_MOST = 10

SEPARATOR = NoteKind(
    "robots-meta-separator",
    Level.WARNING,
    "robots directives without commas between them were read all the same: {}",
    "Separate directives with commas.",
    "https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag",
)
IMAGES = NoteKind(
    "robots-meta-images-only",
    Level.INFO,
    "noimageai on an HTML page is about the images on it, not about its text",
    "Add noai if the text is meant, too.",
    "https://www.deviantart.com/team/journal/A-New-Directive-for-Opting-Out-of-AI-Datasets-934500371",
)
NEAR_MISS = near_miss_note(
    "robots-meta",
    'Write <meta name="robots" content="noai">, or send the header field X-Robots-Tag.',
    "https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag",
)
TOO_LONG = NoteKind(
    "robots-meta-too-long",
    Level.WARNING,
    "a robots directive list is longer than 16 KiB and was cut",
    "Keep the list short.",
    "https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag",
)

MISSPELT = NoteKind(
    "robots-meta-misspelt",
    Level.WARNING,
    "a name or directive that is nearly right says nothing: {}",
    "Write X-Robots-Tag, robots, and the directives noai, noimageai or noml.",
    "https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag",
)
AI_NAME = NoteKind(
    "robots-meta-ai-name-unknown",
    Level.WARNING,
    "a field or meta that seems to be about AI use is defined by no text, so it says nothing: {}",
    "Say it with tdm-reservation, Content-Usage, or noai in a robots meta.",
    "https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/",
)

#: Said of AI or ML in so many words.
_DIRECT = frozenset({"noai", "noimageai", "noml"})
#: Directives by whose presence a list of words is recognised as a list of directives.
_KNOWN = _DIRECT | {
    *("all", "none", "index", "noindex", "follow", "nofollow", "noarchive", "nocache"),
    *("nosnippet", "noimageindex", "notranslate", "noodp", "noydir", "indexifembedded"),
    *("max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"),
    *("disallowaitraining", "allowaitraining"),  # another family's
}
_FIELD = "x-robots-tag"
#: What a meta may be called that was meant to be called robots.
_ROBOTS = ("robots", _FIELD)


class DirectiveFindings(Findings):
    """The directives of a head or a page, as statements with their bot."""

    __slots__ = ("said", "source")

    def __init__(
        self, source: ParsedDocument, notes: tuple[Note, ...], said: tuple[Statement, ...]
    ) -> None:
        super().__init__(source.place, notes)
        self.source = source
        self.said = said

    @property
    def to_the_letter(self) -> Self:
        """The statements without near misses."""
        if not any(said.near_miss for said in self.said):
            return self
        return type(self)(
            *(self.source, self.notes, tuple(said for said in self.said if not said.near_miss))
        )

    def statements(self) -> tuple[Statement, ...]:
        """All statements."""
        return self.said


class RobotsMeta(Signal[DirectiveFindings]):
    """X-Robots-Tag and robots metas."""

    name = "robots-meta"
    title = "X-Robots-Tag and robots meta"
    reference = "de facto: DeviantArt 2022, Google, Bing, MDN"
    status = Status.DE_FACTO
    since = "2022-11"
    carriers = (Carrier("header", HEADERS), Carrier("meta", CONTENT))
    terms = {
        "noai": Term((), TRAIN),
        "noimageai": Term((), TRAIN),
        "noml": Term((), TRAIN),
        "noarchive": Term((), (AI_INPUT, *TRAIN)),
        "nocache": Term((), (AI_INPUT, *TRAIN)),
        "nosnippet": Term((), (AI_INPUT,)),
    }
    notes = (SEPARATOR, IMAGES, TOO_LONG, NEAR_MISS, MISSPELT, AI_NAME)
    fields = (b"x-robots-tag",)
    words = (
        b"noai",
        b"noimageai",
        b"noml",
        b"noarchive",
        b"nocache",
        b"nosnippet",
        b"max-snippet : 0",
        *(b"no-ai", b"ai-train"),  # for their notes
    )

    def parse(self, source: ParsedDocument) -> DirectiveFindings | None:
        """Read the header lines, or the metas that hold directives."""
        notes: list[Note] = []
        said: list[Statement] = []
        if source.place is HEADERS:
            notes += source.misspelt_fields(MISSPELT, _FIELD)
            notes += _ai_names(source, ((n, v[0], None) for n, v in source.document.fields.items()))
            for value in dict.fromkeys(source.document.fields.get("x-robots-tag", ())):
                _measure(source, value, None, notes)
                found = robots_directives(value)
                said += self._statements(source, found, "header", value, None, notes)
        else:
            notes += _ai_names(source, source.metas)
            for meta in source.metas:
                if meta.name.startswith("tdm"):
                    continue
                bot = "*" if meta.name == "robots" else meta.name
                found = robots_directives(meta.content, bot)
                if bot != "*" and not any(map(_known, found)):
                    continue  # a description that happens to hold such a word
                if (
                    bot != "*"
                    and nearest(bot, _ROBOTS)
                    and any(one.name in self.terms for one in found)
                ):
                    notes.append(
                        source.note(MISSPELT, f"{bot} (robots?): {meta.content}", meta.line)
                    )
                _measure(source, meta.content, meta.line, notes)
                said += self._statements(source, found, "meta", meta.content, meta.line, notes)
            for meta in source.pragmas:
                said += self._pragma(source, meta, notes)
        if not said and not notes:
            return None
        return DirectiveFindings(source, tuple(notes[:_MOST]), tuple(said))

    def settle(self, found: Sequence[DirectiveFindings], question: Question) -> Settled | None:
        """The sum of what is said to our token and to everyone; negatives only add up."""
        # Of a fallback list any token may be addressed: these directives only ever say no.
        addressed = question.agent.keys | {"*"}
        image = question.media.startswith("image/")
        said = [
            statement
            for findings in found
            for statement in findings.said
            if statement.scope.agents[0] in addressed and (statement.scope.media is None or image)
        ]
        if not said:
            return None
        counts_all = question.policy.proxy_agents is ProxyAgents.COUNT
        counted = [statement for statement in said if counts_all or not statement.inferred]
        return Settled(usage=combine(counted), statements=for_display(said))

    def write(self, intent: Intent) -> tuple[Rendering, ...]:
        """``noai`` as a header and as a meta."""
        said = terms_for({"noai": self.terms["noai"]}, intent)
        if not said:
            return ()
        bots = ["" if agent == "*" else f"{agent}: " for agent in intent.agents]
        names = ["robots" if agent == "*" else agent for agent in intent.agents]
        return (
            Rendering(self.carriers[0], "\n".join(f"X-Robots-Tag: {bot}noai" for bot in bots)),
            Rendering(
                self.carriers[1],
                "\n".join(f'<meta name="{name}" content="noai">' for name in names),
            ),
        )

    def _meant(self, name: str) -> str | None:
        """The directive that an unknown one was meant to be."""
        return "noai" if sounds_of_ai_use(name) else nearest(name, tuple(self.terms))

    def _pragma(self, source: ParsedDocument, meta: Meta, notes: list[Note]) -> Iterable[Statement]:
        """What a meta says that stands for the header field: its words about AI alone are read."""
        _measure(source, meta.content, meta.line, notes)
        found = robots_directives(meta.content)
        said = self._statements(source, found, "meta", meta.content, meta.line, notes)
        near = [replace(one, near_miss=True) for one in said if not one.inferred]
        if near:
            notes.append(source.note(NEAR_MISS, f'http-equiv="{meta.name}"', meta.line))
        return near

    def _statements(
        self,
        source: ParsedDocument,
        directives: Iterable[Directive],
        carrier: str,
        text: str,
        line: int | None,
        notes: list[Note],
    ) -> Iterable[Statement]:
        shown = f"X-Robots-Tag: {text}" if carrier == "header" else f"robots meta: {text}"
        for directive in _split(source, directives, line, notes):
            name = directive.name
            if name == "max-snippet" and directive.value == "0":
                name = "nosnippet"
            term = self.terms.get(name)
            if term is None:
                if name not in _KNOWN and len(notes) < _MOST and (meant := self._meant(name)):
                    notes.append(source.note(MISSPELT, f"{name} ({meant}?)", line))
                continue
            media = "image" if name == "noimageai" else None
            if media and not source.image and len(notes) < _MOST:
                notes.append(source.note(IMAGES, line=line))
            yield Statement(
                signal=self.name,
                carrier=carrier,
                category="ai-train" if term.no == TRAIN else name,
                covers=term.no,
                preference=Preference.DISALLOWED,
                text=shorten(shown),
                span=source.span(line),
                scope=Scope(None, (directive.bot,), media),
                inferred=name not in _DIRECT,
            )


def _ai_names(source: ParsedDocument, named: Iterable[tuple[str, str, int | None]]) -> list[Note]:
    """Fields or metas, each with value and line, whose names no text defines."""
    return [
        source.note(AI_NAME, f"{shown(name)}: {value}", line)
        for name, value, line in named
        if sounds_of_ai_use(name) and not source.is_known(name)
    ][:_MOST]


def _measure(source: ParsedDocument, value: str, line: int | None, notes: list[Note]) -> None:
    if len(value) > LIMIT:
        notes.append(source.note(TOO_LONG, line=line))


def _known(directive: Directive) -> bool:
    words = directive.name.replace(";", " ").split()
    return bool(words) and all(word in _KNOWN for word in words)


def _split(
    source: ParsedDocument, directives: Iterable[Directive], line: int | None, notes: list[Note]
) -> Iterable[Directive]:
    """Split members that hold several words where every word is a known directive."""
    for directive in directives:
        words = directive.name.replace(";", " ").split()
        if len(words) > 1 and all(word in _KNOWN for word in words):
            notes.append(source.note(SEPARATOR, directive.name, line))
            yield from (Directive(directive.bot, word, "") for word in words)
        else:
            yield directive
