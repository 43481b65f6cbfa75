from subject import is_clean, problems

good, bad = {"email": "a@b"}, {"email": "ab"}
assert problems([good, bad]) == ["row 2: not an email"]
assert problems([bad, {}]) == ["row 1: not an email", "row 2: no email"]
assert problems([]) == []
assert is_clean([good])
assert not is_clean([good, bad])
