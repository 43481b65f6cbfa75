"""Keeps the working folder from posing as a library.

``python -m kibitz`` looks for modules in the working folder first, and that is the workspace, which may come
from anybody: a ``json.py`` there would run. So that place is taken off the path before anything is imported
that is not loaded by then.

What Python itself imports on its way to here, and a whole ``kibitz`` folder that lies there, it
finds before us. So editors start the command ``kibitz``, or ``python -P -m kibitz``: these never look there.

This imports what every interpreter has loaded already, and so not even ``__future__``.
"""

import os
import sys


def leave(path: list[str], arguments: list[str], package: str, *, safe: bool) -> None:
    """Take the working folder off ``path``, if ``python -m`` put it there and ``package`` is not in it."""
    # While the module after -m is looked for, that is all there is.
    if safe or arguments[:1] != ["-m"] or not path:
        return
    first = os.path.realpath(path[0] or os.curdir)
    own = os.path.realpath(os.path.join(package, os.pardir))  # noqa: PTH118 - pathlib is not loaded
    if first == os.path.realpath(os.curdir) and first != own:
        del path[0]


leave(sys.path, sys.argv, os.path.join(__file__, os.pardir), safe=sys.flags.safe_path)  # noqa: PTH118
