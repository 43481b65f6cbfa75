"""Moving sums over a series of samples."""

from collections.abc import Sequence


def busiest_window(samples: Sequence[int], size: int) -> int:
    """The start of the window of ``size`` samples with the largest sum; the first one of equals.

    ``size`` is at least 1 and at most the number of samples.
    """
    total = sum(samples[:size])
    best, best_start = total, 0
    for start in range(1, len(samples) - size):
        total += samples[start + size - 1] - samples[start - 1]
        if total > best:
            best, best_start = total, start
    return best_start


def moving_averages(samples: Sequence[int], size: int) -> list[float]:
    """The mean of each window, from the first one to the last one."""
    return [sum(samples[start : start + size]) / size for start in range(len(samples) - size + 1)]
