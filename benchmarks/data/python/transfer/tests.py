from subject import Bank, NoAccountError

bank = Bank({"a": 100, "b": 0})
bank.transfer("a", "b", 30)
assert (bank.balance("a"), bank.balance("b")) == (70, 30)
try:
    bank.transfer("a", "nobody", 10)
except NoAccountError:
    pass
assert bank.balance("a") == 70
