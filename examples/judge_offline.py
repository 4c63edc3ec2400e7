"""Judge documents that were stored earlier, under every profile. Run: python examples/judge_offline.py"""

from reservation_middleware import Agent, Check, Document, Outcome, profile
from reservation_middleware.decide.profiles import PROFILES

ROBOTS = Document(
    url="https://a.example/robots.txt",
    resource="robots.txt",
    outcome=Outcome.FETCHED,
    status=200,
    body=b"User-agent: GPTBot\nDisallow: /\n\nUser-agent: *\nContent-Usage: /essays/ train-ai=n\n",
)
PAGE = Document(
    url="https://a.example/essays/1",
    resource="page",
    outcome=Outcome.FETCHED,
    status=200,
    headers=(("content-type", "text/html"),),
    body=b"<!doctype html><title>An essay</title>",
)

for name in PROFILES:
    for purpose in ("search", "ai-train"):
        check = Check(PAGE.url, agent=Agent("ExampleBot", (purpose,)), policy=profile(name))
        check.feed(ROBOTS)
        check.feed(PAGE)
        decision = check.decide()
        print(f"{name:14} {purpose:9} {decision.action:8} {decision.sentence()}")
