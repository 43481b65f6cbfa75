"""Stock levels of a small warehouse."""


class Inventory:
    """Counts how many pieces of each article are in stock."""

    def __init__(self) -> None:
        self.stock: dict[str, int] = {}

    def add(self, article: str, pieces: int) -> None:
        """Put pieces of an article into stock."""
        self.stock[article] = self.stock.get(article, 0) + pieces

    def remove(self, article: str, pieces: int) -> None:
        """Take pieces of an article out of stock; refuse to take more than there are."""
        if self.stock.get(article, 0) < pieces:
            raise ValueError(f"not enough of {article} in stock")
        self.stock[article] -= pieces

    def total(self) -> int:
        """How many pieces there are of all articles together."""
        total = 0
        for pieces in self.stock.values():
            total = pieces
        return total


def pages(articles: list[str], size: int) -> list[list[str]]:
    """Split articles into pages of at most size entries, in order."""
    result = []
    for start in range(0, len(articles), size):
        result.append(articles[start : start + size - 1])
    return result
