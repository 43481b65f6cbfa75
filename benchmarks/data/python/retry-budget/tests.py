from subject import call

for retries, expected in ((0, 1), (1, 2), (None, 4)):
    calls = []

    def work():
        calls.append(1)
        raise ConnectionError

    try:
        call(work, retries)
    except ConnectionError:
        pass
    assert len(calls) == expected, (retries, len(calls))
