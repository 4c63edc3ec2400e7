"""A study from data to report by one command: ``python examples/study/study.py``.

A panel of about 200 well-known sites over ten waves of 2025, and beside it, since they are other
sites, robots.txt files of July 2019, before AI agents had names. The data are real where
../shared/data is there, else made up.
"""

import argparse
import base64
import gzip
import json
import lzma
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reservation_middleware.survey import page
from reservation_middleware.survey.run import Options, survey

DATA = Path(__file__).parents[3] / "shared" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("study"))
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    is_real = (DATA / "panel-2025.json.xz").exists()
    print("real data" if is_real else "../shared/data is not there: made-up data")
    lines, sites = panel() if is_real else made_up(random.Random(7))  # noqa: S311 - made-up data
    strata = output / "sites.json"
    strata.write_text(json.dumps(sites), "utf-8")
    options = Options(
        strata=strata,
        weights=DATA / "corpus-token-counts.csv.gz" if is_real else weights(output, sites),
        agent_sets=DATA / "ai-agents-history.json.gz" if is_real else None,
    )
    study(output / "panel", lines, options)
    if is_real:
        study(output / "files-of-2019", files_of_2019(), Options())


def study(folder: Path, lines: Iterator[dict[str, Any]], options: Options) -> None:
    """Survey and report of some captures."""
    folder.mkdir(exist_ok=True)
    survey([str(write(folder / "captures.jsonl", lines))], folder / "survey", options)
    found = page.report(folder / "survey")
    written = page.write(found, folder / "report")
    print(found.headline, *found.more, written[0], "", sep="\n")


def write(path: Path, values: Iterator[dict[str, Any]]) -> Path:
    """JSON Lines, written anew only where they differ: a survey goes on with unchanged inputs."""
    text = "".join(json.dumps(value) + "\n" for value in values)
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")
    return path


def panel() -> tuple[Iterator[dict[str, Any]], list[dict[str, str]]]:
    with lzma.open(DATA / "panel-2025.json.xz") as file:
        data = json.load(file)
    bodies = data["bodies"]
    lines = (
        {"host": seen["host"], "wave": seen["wave"], "body": bodies[seen["sha256"]]}
        for seen in data["observations"]
    )
    return lines, data["sites"]


def files_of_2019() -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / "robots-2019.jsonl.gz") as lines:
        for line in lines:
            found = json.loads(line)
            body = found["body"]
            if not isinstance(body, str):
                body = {"base64": base64.b64encode(base64.b64decode(body["base64"])).decode()}
            yield {"host": found["host"], "wave": "2019-07", "body": body}


def made_up(rng: random.Random) -> tuple[Iterator[dict[str, Any]], list[dict[str, str]]]:
    """Sites of which more deny GPTBot with each wave, some of them unreachable at times."""
    kinds = ("press", "science", "shop")
    sites = [{"domain": f"site{n}.example", "category": kinds[n % 3]} for n in range(150)]
    waves = ("2023-06", "2023-12", "2024-06", "2024-12")

    def lines() -> Iterator[dict[str, Any]]:
        for site in sites:
            first = rng.randrange(len(waves) * 2)
            for number, wave in enumerate(waves):
                body = "User-agent: *\nDisallow: /search\n"
                if number >= first:
                    body += "\nUser-agent: GPTBot\nUser-agent: CCBot\nDisallow: /\n"
                if site["category"] == "press" and number >= 2:
                    body = "User-agent: *\nContent-Signal: ai-train=no\nDisallow: /search\n" + body
                gone = rng.random() < 0.1
                status = 503 if gone else 200
                body = "<html>Sorry</html>" if gone else body
                yield {"host": site["domain"], "wave": wave, "status": status, "body": body}

    return lines(), sites


def weights(output: Path, sites: list[dict[str, str]]) -> Path:
    path = output / "tokens.csv"
    rows = (f"{site['domain']},{10_000_000 // (n + 1)}\n" for n, site in enumerate(sites))
    path.write_text("domain,made_up_tokens\n" + "".join(rows), "utf-8")
    return path


if __name__ == "__main__":
    main()
