"""Checks rows of an import before any of them is stored."""


def problem_of(row: dict[str, str]) -> str | None:
    """What is wrong with one row, or None."""
    if not row.get("email", "").strip():
        return "no email"
    if "@" not in row["email"]:
        return "not an email"
    return None


def problems(rows: list[dict[str, str]]) -> list[str]:
    """One message for each row with a problem, in the order of the rows, which count from 1."""
    found: list[str] = []
    for number, row in enumerate(rows, start=1):
        problem = problem_of(row)
        if problem is not None:
            found.append(f"row {number}: {problem}")
    return found


def is_clean(rows: list[dict[str, str]]) -> bool:
    """Whether all rows can be stored."""
    return not problems(rows)
