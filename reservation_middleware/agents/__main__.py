"""Write agents.json anew after agents.toml was edited: ``python -m reservation_middleware.agents``.

People edit the TOML, where comments and sources are easy to read; what is shipped beside it is
the same as JSON, which takes a thirtieth of the time to read. A test holds them together.
"""

import tomllib
from pathlib import Path

import msgspec

from . import Catalogue

SOURCE = Path(__file__).with_name("agents.toml")
RESULT = SOURCE.with_suffix(".json")


def written() -> bytes:
    """The catalogue as JSON, an agent a line.

    Raises:
        ValueError: the TOML says something that no catalogue says.
    """
    text = SOURCE.read_text(encoding="utf-8")
    known = msgspec.convert(tomllib.loads(text), Catalogue, strict=True)
    agents = b",\n".join(map(msgspec.json.encode, known.agents))
    return b'{"version":%b,"agent":[\n%b\n]}\n' % (msgspec.json.encode(known.version), agents)


if __name__ == "__main__":
    RESULT.write_bytes(written())
