"""Small text helpers; nothing is wrong with them."""


def word_counts(text: str) -> dict[str, int]:
    """How often each lower-case word occurs in text."""
    counts: dict[str, int] = {}
    for word in text.lower().split():
        counts[word] = counts.get(word, 0) + 1
    return counts


def is_palindrome(text: str) -> bool:
    """Whether text reads the same backwards, ignoring case and everything but letters and digits."""
    kept = [character for character in text.lower() if character.isalnum()]
    return kept == kept[::-1]


def chunks(items: list[str], size: int) -> list[list[str]]:
    """Split items into consecutive lists of at most size elements."""
    return [items[start : start + size] for start in range(0, len(items), size)]
