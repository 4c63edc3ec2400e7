"""A pytest plugin: the fixture ``assert_reserved(client, url, purpose)``.

A module of its own, so that pytest loads nothing of ``reservation_middleware`` until a test calls
the fixture. What it does stands in ``reservation_middleware/owners/assertion.py``.
"""

from typing import Any

import pytest


@pytest.fixture
def assert_reserved() -> Any:
    """A function that fails unless a page of the application under test is reserved.

    ``assert_reserved(client, "/", "ai-train")``: the client is Django's, Flask's, Starlette's or any
    other with ``get(path)``; the purpose is a leaf or shorthand of the vocabulary.
    """

    def check(client: Any, url: str, purpose: str = "ai-train", *, agent: str = "*") -> None:
        __tracebackhide__ = True
        # Imported here: other tests of an application do without it.
        from reservation_middleware.owners.assertion import assert_reserved  # noqa: PLC0415

        assert_reserved(client, url, purpose, agent=agent)

    return check
