"""Counts what keeps the house simple, and fails where a number has grown: ``python .ci/count_house.py``.

A number that has become smaller is written into ``MOST`` below, so that it stays so.
"""

import ast
import re
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "reservation_middleware"
ADAPTERS = ("scrapy", "aiohttp")

#: Names that say nothing of what they hold.
RIDDLES = {"said", "heard", "told", "wish", "kept", "one"}

#: The most of each that the house may have.
MOST = {
    "modules in the package's root": 2,
    "rooms": 12,
    "layers of rooms": 9,
    "class names with two meanings": 4,
    "modules named _x.py outside the adapters": 1,
    "docstrings that say 'a second room of'": 0,
    "calls of id()": 6,
    "caches that clear when full": 8,
    "files with caches that clear when full": 3,
    "names that are riddles": 666,
}


def _is_full(node: ast.If) -> bool:
    """Whether a condition asks how much there is, and the answer is to forget all of it."""
    return "len(" in ast.unparse(node.test) and any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "clear"
        for line in node.body
        for call in ast.walk(line)
    )


def _name(node: ast.AST) -> str:
    """The name that a part of a program gives or uses, "" for others."""
    for field in ("id", "arg", "attr", "name"):
        if isinstance(name := getattr(node, field, ""), str) and name:
            return name
    return ""


def count() -> dict[str, int]:
    """The numbers of today, by the names in ``MOST``."""
    modules = sorted(PACKAGE.rglob("*.py"))
    texts = {path.relative_to(PACKAGE): path.read_text("utf-8") for path in modules}
    classes: Counter[str] = Counter()
    clearing: Counter[Path] = Counter()
    by_id = riddles = 0
    for path, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                classes[node.name] += 1
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                by_id += node.func.id == "id" or (
                    node.func.id == "map" and ast.unparse(node.args[0]) == "id"
                )
            elif isinstance(node, ast.If) and _is_full(node):
                clearing[path] += 1
            riddles += _name(node) in RIDDLES
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in config["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    return {
        "modules in the package's root": sum(path.parent == Path() for path in texts),
        "rooms": sum((folder / "__init__.py").exists() for folder in PACKAGE.iterdir()),
        "layers of rooms": len([layer for layer in layers if layer != "__main__"]),
        "class names with two meanings": sum(times > 1 for times in classes.values()),
        "modules named _x.py outside the adapters": sum(
            path.name.startswith("_")
            and not path.name.startswith("__")
            and path.parts[0] not in ADAPTERS
            for path in texts
        ),
        "docstrings that say 'a second room of'": sum(
            len(re.findall(r"second room", text)) for text in texts.values()
        ),
        "calls of id()": by_id,
        "caches that clear when full": sum(clearing.values()),
        "files with caches that clear when full": sum(times > 0 for times in clearing.values()),
        "names that are riddles": riddles,
    }


def main() -> int:
    """Print the numbers; 1 if one of them has grown."""
    numbers = count()
    grown = {name: number for name, number in numbers.items() if number > MOST[name]}
    for name, number in numbers.items():
        print(f"{number:5} {name} (at most {MOST[name]})")
    for name, number in grown.items():
        print(f"grown: {name}: {number}, at most {MOST[name]}", file=sys.stderr)
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
