"""Names in ``User-agent`` lines that no crawler has: firms, kinds of software, words for everyone."""

from collections.abc import Iterator, Mapping

from reservation_middleware.model import Level
from reservation_middleware.model.agents import catalogue
from reservation_middleware.signals.robots_agents import MISSPELT as MISSPELT_AGENT

from .finding import Finding, FindingKind, found
from .places import LintedSite

#: Findings that are shown for one file.
_MOST = 10
#: What people write for whom they mean, lower case, with the product tokens to write instead.
_MEANT: Mapping[str, str] = {
    **dict.fromkeys(("openai", "open-ai", "gpt", "chatgpt", "gpt-4", "gpt-3"), "GPTBot"),
    **dict.fromkeys(("anthropic", "claude", "claude-ai"), "ClaudeBot"),
    **dict.fromkeys(
        ("google-ai", "googleai", "gemini", "bard", "googlebot-extended"), "Google-Extended"
    ),
    **dict.fromkeys(("google",), "Googlebot"),
    **dict.fromkeys(("bing", "microsoft", "msn"), "bingbot"),
    **dict.fromkeys(("apple", "apple-ai", "apple-extended"), "Applebot-Extended"),
    **dict.fromkeys(("meta", "meta-ai", "llama"), "meta-externalagent"),
    **dict.fromkeys(("perplexity", "perplexity-ai"), "PerplexityBot"),
    **dict.fromkeys(("commoncrawl", "common-crawl", "cc"), "CCBot"),
    **dict.fromkeys(("bytedance", "tiktok"), "Bytespider"),
    **dict.fromkeys(("amazon", "alexa-ai"), "Amazonbot"),
    **dict.fromkeys(("yandex-ai", "mistral", "mistralai"), "MistralAI-User"),
    **dict.fromkeys(("all", "any", "everyone", "everybody", "bots", "robots", "crawlers"), "*"),
    **dict.fromkeys(("bot", "robot", "crawler", "spiders", "scraper", "scrapers"), "*"),
    **dict.fromkeys(("ai", "ai-bots", "ai-crawler", "llm", "llms"), "GPTBot"),
    **dict.fromkeys(("llm-bot", "genai", "ai-training", "ai-crawlers"), "GPTBot"),
}

GENERIC = FindingKind(
    ident="site-agent-generic",
    level=Level.WARNING,
    summary="no crawler is called so, so the group speaks to nobody: {}",
    what="A User-agent line names a firm, a product, a kind of software, or everyone in words.",
    why=(
        "A crawler looks for its own product token and takes the group for * where there is none "
        "(RFC 9309 §2.2.1). Some parsers compare parts of names and obey such a group all the same."
    ),
    before="User-agent: OpenAI\nDisallow: /\n",
    after="User-agent: GPTBot\nDisallow: /\n",
    remedy="Write the crawler's product token; `reservations agents` lists them.",
    reference="https://www.rfc-editor.org/rfc/rfc9309#section-2.2.1",
    parsers=(
        "RFC 9309, Google's parser, robotspy: nobody",
        "Protego 0.7, urllib.robotparser: Google names Google-Extended and Googlebot, too",
    ),
)
KINDS = (GENERIC,)


def find(places: LintedSite) -> Iterator[Finding]:
    """Groups that name nobody."""
    robots, source = places.robots, places.robots_source
    if robots is None or source is None:
        return
    number = 0
    noted = {
        note.line
        for reading in places.readings
        for note in reading.notes
        if note.kind is MISSPELT_AGENT
    }
    for token in robots.tokens:
        meant = _MEANT.get(token)
        if meant is None or catalogue().find(token) is not None or number >= _MOST:
            continue
        line = robots.parts(token)[0].line_of(token)
        # "Microsoft URL Control" is another name; what the core notes is not told again.
        if line is None or line in noted or not robots.line(line).lower().endswith(token):
            continue
        number += 1
        if meant == "*":
            # To put * there may shut everybody out.
            yield found(GENERIC, source, line, detail=token, near=token)
            continue
        yield found(
            GENERIC,
            source,
            line,
            detail=f"{token} ({meant}?)",
            remedy=f"User-agent: {meant}",
            near=token,
        )
