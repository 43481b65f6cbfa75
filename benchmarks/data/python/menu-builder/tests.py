from subject import Menu

one, two = Menu("one"), Menu("two")
one.add("q", "Quit")
two.add("q", "Quit")
assert len(one.entries) == len(two.entries) == 1
assert one.render() == "one\n  q  Quit"
