import io

from subject import is_current

for content, expected in ((b"KARC\x00\x02", True), (b"KARC\x00\x01", False), (b"PK\x03\x04", False)):
    file = io.BytesIO(content)
    assert is_current("x", lambda _: file) is expected
    assert file.closed
