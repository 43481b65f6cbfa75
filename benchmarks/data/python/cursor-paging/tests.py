from subject import count, items

PAGES = {
    None: {"items": [1], "next": "b"},
    "b": {"items": [2, 3], "next": "c"},
    "c": {"items": [4], "next": None},
}
calls = []


def fetch(cursor):
    calls.append(cursor)
    assert len(calls) < 10, "it goes round in circles"
    return PAGES[cursor]


assert list(items(fetch)) == [1, 2, 3, 4]
assert calls == [None, "b", "c"]
calls.clear()
assert count(fetch) == 4
