"""Prints the table: `python -m tests.side_by_side [words of a situation's name]`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from side_by_side.table import main

main(sys.argv[1:])
