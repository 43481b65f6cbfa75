"""Buttons for the pages of a report."""

from collections.abc import Callable

Handler = Callable[[], str]


def handlers(pages: list[str]) -> dict[str, Handler]:
    """What the button of each page does."""
    made: dict[str, Handler] = {}
    for number, page in enumerate(pages):

        def handler(number: int = number, page: str = page) -> str:
            return f"{number}: {page}"

        made[page] = handler
    return made


def press(buttons: dict[str, Handler], page: str) -> str:
    """The text that pressing the button of ``page`` shows; empty if there is no such button."""
    handler = buttons.get(page)
    return "" if handler is None else handler()
