"""Operator profiles: named presets of ``Policy``, as TOML data beside this file.

A profile makes no legal claim. Values that an operator sets win over the profile's.
"""

from functools import cache

import msgspec

from reservation_middleware.model import ConfigurationError, Policy
from reservation_middleware.model.vocabulary import unknown_word

#: The profiles, the default first.
PROFILES = ("opt-out", "licence-first", "record-only", "strict")


@cache
def profile(name: str = PROFILES[0]) -> Policy:
    """The policy that a profile stands for.

    Raises:
        ConfigurationError: there is no such profile.

    """
    if name not in PROFILES:
        raise ConfigurationError(unknown_word("profile", name, PROFILES))
    import tomllib  # noqa: PLC0415 - these two take longer to import than the core's own modules
    from importlib.resources import files  # noqa: PLC0415

    data = tomllib.loads((files(__name__) / f"{name}.toml").read_text("utf-8"))
    return msgspec.convert({"profile": name, **data}, Policy)
