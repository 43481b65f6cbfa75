from subject import added, removed, report

compared = 0


class Name(str):
    def __eq__(self, other):
        global compared
        compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


before, now = [Name(f"a{n}") for n in range(300)], [Name(f"b{n}") for n in range(300)]
assert len(added(before, now)) == 300
assert compared < 3000, compared
assert removed(["x", "y"], ["y"]) == ["x"]
assert report(["x"], ["y", "z"]) == "2 new, 1 gone"
