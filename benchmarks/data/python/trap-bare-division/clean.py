"""A running mean in which later samples count for more."""


class Trend:
    """Follows a measurement. Begins with one, so that there is always a value."""

    def __init__(self, first: float, *, decay: float = 0.9) -> None:
        if not 0.0 < decay < 1.0:
            raise ValueError("decay must be between 0 and 1")
        self._decay = decay
        self._weighted = first
        self._weights = 1.0

    def add(self, sample: float) -> None:
        """Take in the next sample."""
        self._weighted = self._weighted * self._decay + sample
        self._weights = self._weights * self._decay + 1.0

    @property
    def value(self) -> float:
        """The mean by weight."""
        return self._weighted / self._weights
