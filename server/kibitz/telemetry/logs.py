"""Logs: JSON lines on standard error or in a file that only the user can read. Never on standard output.

Standard output belongs to the language server's protocol, and structlog would write there by default: so
``configure`` comes before anything else. Neither keys nor source code get into a log: keys are masked last
thing before a line is written (in structlog's chain and in a filter for the standard library's records), and
tracebacks come without local variables.

Imports structlog only when it configures (60 ms).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TextIO

from kibitz.telemetry.masking import mask

if TYPE_CHECKING:
    from pathlib import Path

    from structlog.typing import EventDict, FilteringBoundLogger, Processor

Level = Literal["debug", "info", "warning", "error"]
_CHATTY = ("pygls", "httpx2", "httpcore2", "openai", "asyncio", "genai_prices")
"""They log bodies, addresses and headers below WARNING."""
_OWNER_ONLY = 0o600


class _Sink:
    """Where lines go: standard error as it is at the moment, or a file. One for the process."""

    def __init__(self) -> None:
        self.level = logging.WARNING
        self._file: TextIO | None = None

    def switch(self, file: TextIO | None) -> None:
        if self._file is not None:
            self._file.close()
        self._file = file

    def write(self, line: str) -> None:
        # A log that cannot be written must not end what is logged about.
        with suppress(OSError, ValueError):
            stream = self._file or sys.stderr
            stream.write(line + "\n")
            stream.flush()

    # structlog calls the method that is named as the level.
    debug = info = warning = error = critical = exception = msg = log = write


_sink = _Sink()


def configure(
    level: Level = "warning", file: Path | None = None, *, records_only: bool = False
) -> str | None:
    """Send every log, ours and that of libraries, to ``file`` or standard error.

    May be called again with other values. Returns what went wrong, in words, if ``file`` cannot be written;
    standard error is used then. With ``records_only`` structlog itself is not set up, nor imported (60 ms and
    5 MB): right where all logs are the standard library's records.
    """
    problem, opened = None, None
    if file is not None:
        try:
            opened = _opened(file)
        except OSError as error:
            problem = f"the log file {file} cannot be written ({error.strerror}); logs go to standard error"
    _sink.switch(opened)
    _sink.level = logging.getLevelNamesMapping()[level.upper()]
    if not records_only:
        _configure_structlog()
    root = logging.getLogger()
    root.addHandler(_handler)
    root.setLevel(_sink.level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(_sink.level, logging.WARNING))
    return problem


def _configure_structlog() -> None:
    """For those who ask structlog itself, whose default is standard output."""
    import structlog  # noqa: PLC0415 - see configure

    structlog.configure(
        processors=_processors(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=lambda *_: _sink,
        cache_logger_on_first_use=False,
    )


def close() -> None:
    """Close the log file, if there is one; later lines go to standard error."""
    _sink.switch(None)


def logger(name: str) -> FilteringBoundLogger:
    """A structlog logger: ``logger(__name__).warning("request-failed", code=…)``.

    Safe before ``configure``, too: warnings go to standard error then.
    """
    import structlog  # noqa: PLC0415 - see configure

    bound: FilteringBoundLogger = structlog.wrap_logger(
        _sink,
        processors=_processors(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
    ).bind(logger=name)
    return bound


def _processors() -> list[Processor]:
    import structlog  # noqa: PLC0415 - see configure

    def important_enough(_logger: object, method: str, event: EventDict) -> EventDict:
        if logging.getLevelNamesMapping().get(method.upper(), logging.ERROR) < _sink.level:
            raise structlog.DropEvent
        return event

    return [
        important_enough,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _traceback_without_locals,
        _masked,
        _rendered,
    ]


class KeyFilter(logging.Filter):
    """Masks keys in whatever a record will print: message, arguments and traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record through, harmless."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            # A library's own formatting mistake; logging would print it with its arguments.
            message = f"{record.msg!s} (badly formatted)"
        record.msg, record.args = mask(message), None
        if record.exc_info:
            record.exc_text = mask("".join(traceback.format_exception(*record.exc_info)).rstrip())
            record.exc_info = None
        elif record.exc_text:
            record.exc_text = mask(record.exc_text)
        if record.stack_info:
            record.stack_info = mask(record.stack_info)
        return True


class _JsonLines(logging.Formatter):
    """A record of the standard library in the shape of ours, with the ``fields`` of its ``extra``, if any."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "event": record.getMessage(),
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        for name, value in getattr(record, "fields", {}).items():
            line.setdefault(name, _harmless(value))
        if record.exc_text:
            line["exception"] = record.exc_text
        return json.dumps(line, ensure_ascii=True)


class _Handler(logging.Handler):
    """Gives the standard library's records to the same sink."""

    def emit(self, record: logging.LogRecord) -> None:
        _sink.write(self.format(record))


def _new_handler() -> logging.Handler:
    handler = _Handler()
    handler.setFormatter(_JsonLines())
    handler.addFilter(KeyFilter())
    return handler


_handler = _new_handler()


def _opened(file: Path) -> TextIO:
    """The file for appending, readable by its owner only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(file, flags, _OWNER_ONLY)
    try:
        # It may have been there before, with other permissions.
        os.fchmod(descriptor, _OWNER_ONLY)
        return os.fdopen(descriptor, "a", encoding="ascii", errors="backslashreplace", buffering=1)
    except OSError:
        os.close(descriptor)
        raise


def _traceback_without_locals(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Render ``exc_info`` the plain way: structlog's own dictionaries would hold local variables."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return event


def _masked(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The last step before rendering, which would write a quote or a backslash in a key differently."""
    return {name: _harmless(value) for name, value in event.items()}


def _harmless(value: object) -> object:
    if isinstance(value, dict):
        return {mask(str(name)): _harmless(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_harmless(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float) else mask(str(value))


def _rendered(_logger: object, _method: str, event: EventDict) -> str:
    """One line of ASCII: no escape sequence or line end gets through to a terminal."""
    return json.dumps(event, ensure_ascii=True)
