"""What helps to find a fault, as an archive to send along: without source code, keys or names.

    parts = await gather(loaded, Scrubber.of_user(loaded.settings, folders))
    path = write(parts, Path.cwd())

Every word of it passes ``Scrubber``. Of the logs, only what kibitz itself may have written is taken.
"""

from __future__ import annotations

from kibitz.app.bugreport.archive import default_name, write
from kibitz.app.bugreport.contents import Part, gather
from kibitz.app.bugreport.making import make
from kibitz.app.bugreport.scrub import Scrubber

__all__ = ["Part", "Scrubber", "default_name", "gather", "make", "write"]
