import tempfile
from pathlib import Path

from subject import Attachments, NotFoundError

with tempfile.TemporaryDirectory() as top:
    folder = Path(top, "in")
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"a")
    secret = Path(top, "secret")
    secret.write_bytes(b"s")
    attachments = Attachments(folder)
    assert attachments.read("a.txt") == b"a"
    for name in ("../secret", str(secret), "none"):
        try:
            attachments.read(name)
        except NotFoundError:
            continue
        raise AssertionError(name)
