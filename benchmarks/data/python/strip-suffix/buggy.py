"""Names for exported tables."""

from pathlib import PurePosixPath

SUFFIX = ".csv"


def table_name(path: str) -> str:
    """The name of a table from the path of its export: the file's name without ``.csv``.

    Raises:
        ValueError: the file is no export.
    """
    name = PurePosixPath(path).name
    if not name.endswith(SUFFIX) or name == SUFFIX:
        raise ValueError(f"not an export: {path}")
    return name.rstrip(SUFFIX)


def table_names(paths: list[str]) -> list[str]:
    """The names of all exports among ``paths``, sorted."""
    return sorted(table_name(path) for path in paths if path.endswith(SUFFIX))
