from subject import shares, statement

for amount in (0, 1, 99, 100, 1000):
    for people in (1, 2, 3, 7):
        parts = shares(amount, people)
        assert len(parts) == people
        assert sum(parts) == amount
        assert max(parts) - min(parts) <= 1
assert statement(1000, ["a", "b", "c"]) == {"a": "3.34", "b": "3.33", "c": "3.33"}
