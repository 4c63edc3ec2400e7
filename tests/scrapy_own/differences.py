"""What our middleware does otherwise than Scrapy's own, by the test of Scrapy that shows it."""

_TESTS = "TestRobotsTxtMiddleware.test_"
_UNREACHABLE = (
    "A robots.txt that cannot be had allows nothing (RFC 9309 §2.3.1.4): the page fails with an "
    "IgnoreRequest that says why. Scrapy takes it for a robots.txt without rules."
)

DIFFERENCES: dict[str, str] = {
    _TESTS + "robotstxt_settings": (
        "The middleware is not switched off by ROBOTSTXT_OBEY = False but by "
        "RESERVATION_ENABLED = False; RESERVATION_ROBOTSTXT says where crawl rules hold."
    ),
    _TESTS + "robotstxt_error": _UNREACHABLE,
    _TESTS + "robotstxt_immediate_error": _UNREACHABLE,
    _TESTS + "ignore_robotstxt_request": (
        "A robots.txt that a middleware of the project drops (IgnoreRequest) was not read, so it "
        "allows nothing; the error says that it was dropped here. Scrapy takes it for a robots.txt "
        "without rules."
    ),
}
