"""All situations that are tried with Scrapy."""

from . import projects, requests, robots

CRAWLS = (
    *robots.ANSWERS,
    *robots.OBEYING,
    *robots.AGENTS,
    *requests.FAILING,
    *requests.CACHED,
    *requests.REDIRECTS,
    *requests.WAYS,
    *projects.ORDER,
    *projects.SPEED,
    *projects.BODIES,
    *projects.KEPT,
)
