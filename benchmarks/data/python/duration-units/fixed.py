"""Durations as people write them in settings: ``90s``, ``15m``, ``2h``, ``1d``."""

import re

_PATTERN = re.compile(r"(\d+)\s*([smhd])")
_MINUTE = 60
_HOUR = 60 * _MINUTE


def seconds(text: str) -> int:
    """The seconds in a duration of one number and one unit: s, m, h or d.

    Raises:
        ValueError: it is no duration.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a duration: {text!r}")
    count, unit = int(match[1]), match[2]
    if unit == "s":
        return count
    if unit == "m":
        return count * _MINUTE
    if unit == "h":
        return count * _HOUR
    return count * 24 * _HOUR
