import tempfile
from pathlib import Path

from subject import load, save

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "notes.json")
    assert load(path) == {}
    save(path, {"a": "first"})
    try:
        save(path, {"a": object()})
    except TypeError:
        pass
    assert load(path) == {"a": "first"}
