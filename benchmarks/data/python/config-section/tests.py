from subject import jobs

assert jobs('{"build": {"jobs": 2}}') == 2
assert jobs('{"build": {}}') == 4
assert jobs("{}") == 4
