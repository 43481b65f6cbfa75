"""Splits amounts of money, in cents."""


def shares(amount: int, people: int) -> list[int]:
    """``amount`` in ``people`` whole parts that add up to it; they differ by one cent at most.

    ``people`` is at least 1, ``amount`` is not negative.
    """
    return [round(amount / people)] * people


def statement(amount: int, names: list[str]) -> dict[str, str]:
    """What each of the people owes, as text. Names differ from each other, and there is at least one."""
    return {
        name: f"{share // 100}.{share % 100:02}"
        for name, share in zip(names, shares(amount, len(names)), strict=True)
    }
