from subject import Line, total

lines = [Line(2, 500), Line(1, 1000)]
assert total(lines, 0, 10) == 2200
assert total(lines, 50, 10) == 1100
assert total([], 10, 10) == 0
