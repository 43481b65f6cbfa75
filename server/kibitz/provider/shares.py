"""What a request took, shared out among the pieces that it was about: the shares add up to it exactly."""

from __future__ import annotations

from decimal import Decimal
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from kibitz.provider.models import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SMALLEST = Decimal("1e-12")
"""US dollars to which shares are rounded; the last one takes what is left."""


def shares(usage: Usage, weights: Sequence[int]) -> list[Usage]:
    """``usage`` in as many parts as there are ``weights`` (of 0 and more), in proportion to them."""
    if not any(weights):
        weights = [1] * len(weights)
    marks = [0, *accumulate(weights)]
    columns = (
        _counts(usage.requests, marks),
        _counts(usage.input_tokens, marks),
        _counts(usage.cached_tokens, marks),
        _counts(usage.cache_write_tokens, marks),
        _counts(usage.output_tokens, marks),
        _counts(usage.reasoning_tokens, marks),
        _prices(usage.cost_usd, marks),
    )
    return [Usage(*parts) for parts in zip(*columns, strict=True)]


def _counts(total: int, marks: Sequence[int]) -> Iterator[int]:
    # Differences of rounded sums: no unit is lost or made up on the way.
    ends = [total * mark // marks[-1] for mark in marks]
    return (end - start for start, end in pairwise(ends))


def _prices(total: Decimal | None, marks: Sequence[int]) -> Iterator[Decimal | None]:
    if total is None:
        return (None for _ in marks[1:])
    ends = [(total * mark / marks[-1]).quantize(_SMALLEST) for mark in marks[:-1]]
    return (end - start for start, end in pairwise([*ends, total]))
