"""Makes small pictures of uploads with an external program."""

import subprocess
from pathlib import Path

_SECONDS = 30


class ThumbnailError(Exception):
    """No picture could be made."""


def thumbnail(source: Path, target: Path, width: int) -> None:
    """Write a picture of ``source``, so many pixels wide, to ``target``.

    The name of ``source`` was chosen by whoever uploaded it.
    """
    if not 1 <= width <= 4096:
        raise ThumbnailError("the width is out of bounds")
    command = ["vipsthumbnail", f"--size={width}x", f"--output={target.resolve()}", "--", str(source)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise ThumbnailError(f"no picture of {source.name}") from error
