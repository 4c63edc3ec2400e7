"""`robots-parse`: a robots.txt read, all lines and groups kept, against Protego's parse."""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any
from urllib.robotparser import RobotFileParser

from protego import Protego

from reservation_middleware.syntax.robots import RobotsFile

from .corpus import hosts
from .timing import OURS, Batch, Options, Prepare, Row, versus


def robots_parse(options: Options) -> Iterator[Row]:
    """Ours starts from bytes and decodes them; the peers are given text."""
    known = hosts(options.some(None, 500))
    bodies = [host.body for host in known]
    texts = [host.text for host in known]

    def over(read: Callable[[Any], object], what: Sequence[object]) -> Prepare:
        def run() -> None:
            for one in what:
                read(one)

        def prepare(_: int) -> Batch:
            return run

        return prepare

    contenders = {
        OURS: over(RobotsFile, bodies),
        "Protego.parse": over(Protego.parse, texts),
        "urllib.robotparser": over(lambda text: RobotFileParser().parse(text.splitlines()), texts),
        "floor: decode and splitlines": over(
            lambda body: body.decode("utf-8", "replace").splitlines(), bodies
        ),
    }
    try:
        contenders["robotspy"] = over(import_module("robots").RobotsParser.from_string, texts)
    except ImportError:
        options.missing("robotspy")
    yield from versus(
        "robots-parse",
        contenders,
        options,
        operations=len(known),
        runs=options.runs(5),
        goal=0.35,
        names={"floor: decode and splitlines": "robots-parse:floor"},
    )
