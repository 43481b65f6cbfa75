import logging

from subject import Queue

logging.disable()


def upload(name):
    if name == "b":
        raise OSError


queue = Queue(["a", "b", "c"])
queue.run(upload)
assert queue.done == ["a", "c"]
assert queue.waiting == ["b"]
