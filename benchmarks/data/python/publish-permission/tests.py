from subject import Article, User, may_publish, publish

ann, bob, eve = User("ann", {"author"}), User("bob", {"author"}), User("eve", {"editor"})
assert may_publish(ann, Article("ann"))
assert not may_publish(bob, Article("ann"))
assert may_publish(eve, Article("ann"))
assert not may_publish(eve, Article("ann", "public"))
article = Article("ann")
publish(ann, article)
assert article.state == "public"
