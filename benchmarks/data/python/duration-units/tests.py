from subject import seconds

assert seconds("90s") == 90
assert seconds("15 m") == 900
assert seconds("2h") == 7200
assert seconds("1d") == 86400
try:
    seconds("1w")
except ValueError:
    pass
else:
    raise AssertionError
