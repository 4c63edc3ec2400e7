"""Write agents.json anew after agents.toml was edited: ``python .ci/write_agent_catalogue.py``.

People edit the TOML, where comments and sources are easy to read; what is shipped beside it is
JSON, which takes a thirtieth of the time to read. A test holds the two together.
"""

import tomllib
from pathlib import Path

import msgspec

from reservation_middleware.model.agents import Catalogue

SOURCE = Path(__file__).parents[1] / "reservation_middleware/model/agents/agents.toml"
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
