from subject import Filter

events = Filter(3)
assert [events.is_new(name) for name in "aab"] == [True, False, True]
for number in range(100):
    assert events.is_new(str(number))
assert len(events) <= 3
