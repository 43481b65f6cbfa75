from subject import summary

assert summary(["a", "b"], [("a", 2.0), ("a", 4.0)]) == {"a": 3.0, "b": 0.0}
assert summary([], []) == {}
