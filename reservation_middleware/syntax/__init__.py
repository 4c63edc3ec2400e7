"""Grammars: they know formats and line numbers, no policy and no signal.

Ground floor: imports nothing of the package but its own files. A pattern of what is rarely met is
text here (``re.fullmatch(_PRICE, value)``), compiled when it is met and kept by ``re``: to compile
all of them took a fifth of the time of an import (benchmark row ``import``).
"""
