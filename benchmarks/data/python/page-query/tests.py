from subject import BadRequestError, page_size

assert page_size({}) == 20
assert page_size({"size": "10"}) == 10
for bad in ("0", "101", "x", ""):
    try:
        page_size({"size": bad})
    except BadRequestError:
        continue
    raise AssertionError(bad)
