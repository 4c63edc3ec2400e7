import pytest

from reservation_middleware.syntax.surt import surt_host_name, url_surtkey


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("example.org", "org,example"),
        ("www.example.org", "org,example"),
        ("www2.example.org", "org,example"),
        ("WWW.Example.co.uk.", "uk,co,example"),
        ("www.com", "com,www"),
        ("wwwx.example.org", "org,example,wwwx"),
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("bücher.example", "example,xn--bcher-kva"),
        ("localhost", "localhost"),
        ("", ""),
    ],
)
def test_hosts(host: str, key: str) -> None:
    assert surt_host_name(host) == key


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://archive.org/", "org,archive)/"),
        ("http://www.archive.org:80", "org,archive)/"),
        ("https://archive.org:8080/goo/", "org,archive:8080)/goo"),
        ("http://archive.org/goo/?a=2&b&a=1#x", "org,archive)/goo?a=1&a=2&b"),
        ("http://user:secret@archive.org/Goo?", "org,archive)/goo"),
        ("https://192.0.2.7/x", "192.0.2.7)/x"),
        ("mailto:x@archive.org", ""),
        ("https://[::1", ""),
        ("http://a.example:99999999/", ""),
    ],
)
def test_urls(url: str, key: str) -> None:
    assert url_surtkey(url) == key
