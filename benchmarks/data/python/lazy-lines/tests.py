import tempfile
from pathlib import Path

from subject import count_errors, errors

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "a.log")
    path.write_text("1 ERROR x\n2 INFO y\n3 ERROR z\n", encoding="utf-8")
    assert list(errors(path)) == ["1 ERROR x", "3 ERROR z"]
    assert count_errors([path]) == {"a.log": 2}
