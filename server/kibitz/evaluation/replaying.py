"""Goes through a run again with the answers that were recorded: nobody is asked, nothing is sent.

The same code makes the same reviews, byte for byte. Other code, say another gate for fixes, makes others of
the same answers, and that is what it is good for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibitz.evaluation.about import about as about_run
from kibitz.evaluation.asking import asker
from kibitz.evaluation.kept import RunError
from kibitz.provider.client import OpenAIClient

if TYPE_CHECKING:
    from kibitz.evaluation.about import About
    from kibitz.evaluation.kept import Kept
    from kibitz.evaluation.reviewed import Reviewed


async def replay(kept: Kept) -> tuple[list[Reviewed], About]:
    """All reviews of a run anew, in the order of its pairs, and what a run of now would be.

    Raises:
        RunError: the run cannot be read.
    """
    about = kept.about
    try:
        config, settings = about.config(), about.settings()
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{kept.folder} holds no run that this version of kibitz can read") from error
    async with OpenAIClient(config) as client:
        client.use(kept.recording(asks=False))
        again = asker(client, settings, embedded=about.embedded, whole=about.whole)
        now = about_run(kept.pairs, again, embedded=about.embedded)
        reviews = [(await again.review(pair, side))[0] for pair in kept.pairs for side in pair.sides]
    return reviews, about.model_copy(update={"kibitz": now.kibitz, "versions": now.versions})
