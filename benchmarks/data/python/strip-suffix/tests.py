from subject import table_name, table_names

assert table_name("out/users.csv") == "users"
assert table_name("out/vcs.csv") == "vcs"
assert table_names(["b.csv", "a.csv", "c.txt"]) == ["a", "b"]
