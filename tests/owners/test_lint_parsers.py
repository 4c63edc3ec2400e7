"""The table of constructs that parsers read differently, held against the parsers themselves."""

import sys
from urllib.robotparser import RobotFileParser

import pytest
from protego import Protego

from reservation_middleware.owners.lint.site_parsers import CONSTRUCTS, Construct
from reservation_middleware.syntax.path import judged
from reservation_middleware.syntax.robots import RobotsFile
from reservation_middleware.syntax.robots_rules import GroupRules


def blocked_by_us(text: str, agent: str, path: str) -> bool:
    group = RobotsFile(text.encode()).group_for(agent.lower())
    return group is not None and not GroupRules.of(group).decide(path, judged(path))[0]


def blocked_by_urllib(text: str, agent: str, path: str) -> bool:
    parser = RobotFileParser()
    parser.parse(text.splitlines())
    return not parser.can_fetch(agent, f"https://a.example{path}")


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda construct: construct.what[:40])
def test_parsers_differ_as_the_table_says(construct: Construct) -> None:
    agent, path = construct.asked
    blocked = {
        "us": blocked_by_us(construct.sample, agent, path),
        "protego": not Protego.parse(construct.sample).can_fetch(f"https://a.example{path}", agent),
    }
    # Python 3.15 has a new urllib.robotparser.
    if sys.version_info < (3, 15):
        blocked["urllib"] = blocked_by_urllib(construct.sample, agent, path)
    expected = construct.blocked_by & blocked.keys()
    assert {name for name, blocks in blocked.items() if blocks} == expected


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda construct: construct.what[:40])
def test_a_construct_is_found_in_its_sample_only_where_it_is(construct: Construct) -> None:
    assert len(list(construct.lines(RobotsFile(construct.sample.encode())))) == 1
    others = [other for other in CONSTRUCTS if other is not construct]
    assert not [
        other.what for other in others if list(other.lines(RobotsFile(construct.sample.encode())))
    ]
