"""The peers that answer robots.txt questions; each is optional but the standard library's.

A side makes a prepared question from a robots.txt, so that what a peer can keep between
questions is kept: its parser, or only the text where it reads that anew each time.
"""

# Imported where it is used: an optional peer, or a process that needs no other.
# ruff: noqa: PLC0415

from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.robotparser import RobotFileParser

from .corpus import Host
from .timing import Options

#: Asks a parsed file: URL, agent.
Ask = Callable[[str, str], object]


def protego(host: Host) -> Ask:
    """Protego: what Scrapy uses."""
    from protego import Protego

    return Protego.parse(host.text).can_fetch


def urllib(host: Host) -> Ask:
    """The standard library."""
    parser = RobotFileParser()
    parser.parse(host.text.splitlines())
    # can_fetch refuses everything until a time was set.
    parser.modified()

    def ask(url: str, agent: str) -> object:
        return parser.can_fetch(agent, url)

    return ask


def _robotspy(module: Any) -> Callable[[Host], Ask]:
    def make(host: Host) -> Ask:
        parser = module.RobotsParser.from_string(host.text)

        def ask(url: str, agent: str) -> object:
            return parser.can_fetch(agent, url)

        return ask

    return make


def _fast_robotstxt(module: Any) -> Callable[[Host], Ask]:
    def make(host: Host) -> Ask:
        text = host.text.encode("utf-8", "replace").decode("utf-8")
        allowed = module.RobotsMatcher().is_allowed

        def ask(url: str, agent: str) -> object:
            return allowed(text, agent, url)

        return ask

    return make


def _jwm(module: Any) -> Callable[[Host], Ask]:
    def make(host: Host) -> Ask:
        text = host.body
        allowed = module.RobotsMatcher().AllowedByRobots

        def ask(url: str, agent: str) -> object:
            return allowed(text, (agent.encode(),), url.encode())

        return ask

    return make


def optional(options: Options) -> dict[str, Callable[[Host], Ask]]:
    """The other peers that are installed, by name; Protego is always there."""
    found: dict[str, Callable[[Host], Ask]] = {"urllib.robotparser": urllib}
    for name, module, make in (
        ("robotspy", "robots", _robotspy),
        ("fast-robotstxt (reads anew)", "robotstxt", _fast_robotstxt),
        ("jwm.robotstxt (reads anew)", "jwm.robotstxt.googlebot", _jwm),
    ):
        try:
            found[name] = make(import_module(module))
        except ImportError:
            options.missing(name.partition(" ")[0])
    return found
