"""Accounts and transfers between them, in cents."""


class NoAccountError(LookupError):
    """There is no such account."""


class Bank:
    """Keeps the balances. A call that raises changes nothing."""

    def __init__(self, balances: dict[str, int]) -> None:
        self._balances = dict(balances)

    def balance(self, name: str) -> int:
        if name not in self._balances:
            raise NoAccountError(name)
        return self._balances[name]

    def transfer(self, source: str, target: str, amount: int) -> None:
        """Move ``amount``, which is more than 0, from one account to another one."""
        if self.balance(source) < amount:
            raise ValueError("the balance is too small")
        self._balances[source] -= amount
        self._balances[target] = self.balance(target) + amount
