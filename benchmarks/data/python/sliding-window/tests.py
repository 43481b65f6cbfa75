from subject import busiest_window, moving_averages

assert busiest_window([1, 2, 3], 1) == 2
assert busiest_window([0, 0, 5, 5], 2) == 2
assert busiest_window([9, 1, 1], 2) == 0
assert busiest_window([4], 1) == 0
assert moving_averages([1, 2, 3], 2) == [1.5, 2.5]
