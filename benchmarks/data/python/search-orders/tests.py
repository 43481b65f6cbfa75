import sqlite3

from subject import SCHEMA, add, search

connection = sqlite3.connect(":memory:")
connection.execute(SCHEMA)
add(connection, "ann", "apple")
add(connection, "ann", "100% wool")
add(connection, "bob", "secret")
assert search(connection, "ann", "app") == ["apple"]
assert search(connection, "ann", "100%") == ["100% wool"]
assert search(connection, "ann", "x' OR customer = 'bob' --") == []
