from subject import RefusedError, accept, signature

body = b'{"paid": 1}'
good = signature(b"k", body)
assert accept(b"k", body, good) == {"paid": 1}
for bad in ("", good[:5], good[:-1], "ü"):
    try:
        accept(b"k", body, bad)
    except RefusedError:
        continue
    raise AssertionError(bad)
