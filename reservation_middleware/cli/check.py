"""The verb ``reservations check``: what one page says, to whom, and what to mend."""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    AgentOption,
    ColorOption,
    ContentUseOption,
    NearMissOption,
    ProfileOption,
    PurposeOption,
    configured,
    http_url,
    known_agent,
    page_url,
    screen_for,
    words,
)
from .standard_streams import write_document, write_json, write_text

if TYPE_CHECKING:
    from reservation_middleware.owners.inspect.inspection import Inspection

EXAMPLES = """Examples:

\b
  reservations check example.org
  reservations check example.org/news --agent GPTBot --all
  reservations check example.org --format html > report.html
  reservations check example.org --as GPTBot --i-own-this-site"""


class CheckFormat(StrEnum):
    """How to print."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"
    MARKDOWN = "markdown"


def check(
    urls: Annotated[list[str], typer.Argument(metavar="URL…", help="Pages or sites.")],
    agent: AgentOption = None,
    purpose: PurposeOption = None,
    profile: ProfileOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every place, every reason, every note.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="The verdict only, one line.")
    ] = False,
    format: Annotated[  # noqa: A002 - the flag's name
        CheckFormat, typer.Option("--format", help="How to print.")
    ] = CheckFormat.TEXT,
    as_agent: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="TOKEN",
            help="Ask under this name, too, and show what it is served; of your own site only.",
        ),
    ] = None,
    own: Annotated[
        bool,
        typer.Option(
            "--i-own-this-site", help="Look at the page even where robots.txt forbids it."
        ),
    ] = False,
    content_use: ContentUseOption = None,
    near_miss: NearMissOption = None,
    licences: Annotated[
        str | None,
        typer.Option("--licences", metavar="FILE", help="Licences held, see spec/licences.md."),
    ] = None,
    proxy: Annotated[
        str | None, typer.Option("--proxy", metavar="URL", help="HTTP proxy to go through.")
    ] = None,
    cache: Annotated[
        str | None,
        typer.Option(
            "--cache",
            metavar="URL",
            help="Where copies are kept; each is asked for anew. Default: a file of the user's.",
        ),
    ] = None,
    no_color: ColorOption = False,
) -> None:
    """May AI crawlers use a page? Who may do what, why, and what to mend.

    Asks at most 16 times, under its own name, and obeys robots.txt itself. Without --agent the
    answer is for everyone (*), and the known AI agents are listed.

    Exit status: 0 may proceed, 1 blocked, 2 bad usage, 3 could not be fetched.
    """
    if as_agent is not None and not own:
        raise typer.BadParameter(
            "asking under another crawler's name is for the site's owner: add --i-own-this-site",
            param_hint="--as",
        )
    if everything and quiet:
        raise typer.BadParameter("--all and --quiet exclude each other", param_hint="--quiet")
    if format is CheckFormat.HTML and len(urls) > 1:
        raise typer.BadParameter("a page is about one address", param_hint="--format html")
    flags = {"content_use": content_use, "near_miss": near_miss, "licences": licences}
    chosen = configured(
        agent=known_agent(agent, "--agent"), purposes=words(purpose), profile=profile, **flags
    )
    # All are looked at before any is asked.
    pages = [page_url(url) for url in urls]
    options: dict[str, Any] = {"proxy": http_url(proxy, proxy)} if proxy is not None else {}
    served_as = _tokens(known_agent(as_agent, "--as"))

    with _status_line() as report:
        report(pages[0].partition("//")[2].partition("/")[0], 0)
        import asyncio

        import reservation_middleware.aiohttp  # noqa: F401 - says which extra is missing
        from reservation_middleware.owners.inspect.forms import (
            FORMS,  # needs aiohttp
        )
        from reservation_middleware.owners.inspect.look import Ownership, inspect, usual_cache
        from reservation_middleware.owners.inspect.summary import summarize
        from reservation_middleware.report.formats import Detail, Form
        from reservation_middleware.runtime.cache import open_cache

        ownership = Ownership.OWNER if own else Ownership.VISITOR
        store = cache or chosen.stores.cache

        async def look(url: str) -> "Inspection":
            cache = open_cache(store) if store else usual_cache()
            try:
                return await inspect(
                    url,
                    agent=chosen.agent,
                    policy=chosen.policy,
                    cache=cache,
                    ownership=ownership,
                    as_tokens=served_as,
                    report=report,
                    **options,
                )
            finally:
                await cache.close()

        form = Form(format)
        detail = Detail.ALL if everything else Detail.QUIET if quiet else Detail.FIRST_SCREEN
        worst = 0
        for number, url in enumerate(pages):
            found = asyncio.run(look(url))
            command = shlex.join(["reservations", "check", url, *_flags(agent, purpose, profile)])
            screen = screen_for(no_color, detail=detail, command=command)
            text = FORMS[form](summarize(found), screen)
            report("", 0)
            if form is Form.JSON:
                write_json(text.encode())
            elif form is not Form.TEXT:
                write_document(f"\n{text}" if number else text)
            else:
                if number and not quiet:
                    text = f"\n{'─' * min(screen.width or 80, 80)}\n{text}"
                write_text(text)
            worst = max(worst, found.status)
    raise typer.Exit(worst)


def _tokens(given: str | None) -> tuple[str, ...]:
    """The one name that is asked as, checked."""
    from reservation_middleware.model import Agent

    return () if given is None else (Agent(given).token,)


def _flags(agent: str | None, purpose: list[str] | None, profile: str | None) -> list[str]:
    """The flags that make the answer what it is."""
    flags = [*(["--agent", agent] if agent else []), *(["--profile", profile] if profile else [])]
    return flags + [part for name in purpose or () for part in ("--purpose", name)]


@contextmanager
def _status_line() -> Iterator[Callable[[str, int], None]]:
    """One line on a terminal's standard error while requests are made; nothing anywhere else."""
    shown = sys.stderr.isatty()

    def report(host: str, number: int) -> None:
        if shown:
            line = f"asking {host[:50]}" + (f", request {number}" if number else "") if host else ""
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()

    try:
        yield report
    finally:
        report("", 0)
