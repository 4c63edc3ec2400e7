"""Numbers with what they count, as people write them: ``1 page``, ``2,000 pages``."""


def counted(number: int, one: str, several: str = "") -> str:
    """A number and its noun, with what agrees with it.

    Args:
        number: how many.
        one: what stands behind 1.
        several: what stands behind any other number; ``one`` with an s where it is left out.

    >>> counted(1, "page was blocked", "pages were blocked")
    '1 page was blocked'
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"
