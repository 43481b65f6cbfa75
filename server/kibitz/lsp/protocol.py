"""pygls, hardened: every request gets an answer, and nothing that a client sends stops the server.

What pygls 2.1 does and this protocol does not: leave a request with bad parameters without an answer, put
tracebacks and values into errors, show a pop-up for each mistake, log whole messages, recurse when the pipe
is closed, keep a cancelled command running, answer before ``initialize``, call ``sys.exit`` in a callback.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from enum import Enum, auto
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol

from kibitz.lsp.asked import READERS, is_deep
from kibitz.lsp.faults import describe
from kibitz.lsp.framing import Frame, Oversize
from kibitz.lsp.written import Written, write
from kibitz.telemetry import security
from kibitz.telemetry.masking import mask
from kibitz.telemetry.security import Event

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from cattrs import Converter

    from kibitz.lsp.server import KibitzServer
    from kibitz.lsp.transport import PipeWriter

logger = logging.getLogger(__name__)

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
NOT_INITIALIZED = -32002
REQUEST_CANCELLED = -32800

_TOLD = frozenset(
    {
        types.WINDOW_SHOW_MESSAGE,
        types.WINDOW_SHOW_MESSAGE_REQUEST,
        types.WINDOW_LOG_MESSAGE,
        types.LOG_TRACE,
        types.PROGRESS,
        "kibitz/status",
    }
)
"""Methods that tell something."""
_WARM = (
    types.TEXT_DOCUMENT_DID_OPEN,
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_SAVE,
    types.TEXT_DOCUMENT_CODE_ACTION,
    types.TEXT_DOCUMENT_HOVER,
)

_URI = re.compile(rb'"uri"\s*:\s*"((?:[^"\\]|\\.)*)"')
_SYNC = re.compile(rb'"method"\s*:\s*"(?:text|notebook)Document/did(?:Open|Change)"')


class Phase(Enum):
    """How far the conversation is."""

    BEFORE = auto()
    """``initialize`` has not come."""
    RUNNING = auto()
    STOPPING = auto()
    """``shutdown`` was answered; only ``exit`` is left."""


class KibitzProtocol(LanguageServerProtocol):
    """Reads frames, calls the features of ``server.py``, and writes answers."""

    _server: KibitzServer

    def __init__(self, server: KibitzServer, converter: Converter) -> None:
        super().__init__(server, converter)
        self.phase = Phase.BEFORE
        self._running: dict[int | str, asyncio.Task[Any]] = {}
        """The client's requests that are being worked on, by id. Ours to it are in ``_request_futures``."""
        self._notified: set[asyncio.Task[Any]] = set()
        self._pipe: PipeWriter | None = None

    def _register_builtin_features(self) -> None:
        """None: documents, commands and the life cycle are our own features."""

    def connect(self, pipe: PipeWriter) -> None:
        """Send to ``pipe`` from now on."""
        self._pipe = pipe

    def disconnect(self) -> None:
        """Send nothing more, and drop what is being worked on."""
        self._pipe = None
        for task in [*self._running.values(), *self._notified]:
            task.cancel()
        for future in list(self._request_futures.values()):
            future.cancel()
        self._request_futures.clear()
        self._result_types.clear()

    # Reading

    def handle_frame(self, frame: Frame | Oversize) -> None:
        """Do what one message asks for. Never raises."""
        if isinstance(frame, Oversize):
            self._skip_oversize(frame)
            return
        try:
            message = json.loads(frame.body)
        except (ValueError, RecursionError):
            logger.warning("skipped a message of %d bytes that is not JSON", len(frame.body))
            security.note(Event.INPUT_REJECTED, reason="not-json")
            self._answer_error(None, PARSE_ERROR, "the message is not valid JSON")
            return
        try:
            self._handle_json(message)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever a message does, the next is read
            logger.error("a message could not be handled: %s", describe(error))  # noqa: TRY400 - no messages

    def _skip_oversize(self, frame: Oversize) -> None:
        logger.warning("skipped a message of %d bytes: it is over the limit", frame.length)
        security.note(Event.INPUT_REJECTED, reason="too-long", bytes=frame.length)
        uri = _URI.search(frame.head) if _SYNC.search(frame.head) else None
        try:
            self._server.lost_sync(json.loads(b'"' + uri[1] + b'"') if uri else None)
        except ValueError:
            self._server.lost_sync(None)

    def _handle_json(self, message: object) -> None:
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            security.note(Event.INPUT_REJECTED, reason="not-json-rpc")
            self._answer_error(_id_of(message), INVALID_REQUEST, "not a JSON-RPC 2.0 message")
            return
        method = message.get("method")
        if not isinstance(method, str):
            if "id" in message and method is None:
                self._take_response(message)
            else:
                self._answer_error(_id_of(message), INVALID_REQUEST, "the method must be a string")
        elif "id" not in message:
            self._take_notification(method, message.get("params"))
        elif (msg_id := _id_of(message)) is None:
            self._answer_error(None, INVALID_REQUEST, "the id must be a number or a string")
        else:
            self._take_request(msg_id, method, message.get("params"))

    def _take_request(self, msg_id: int | str, method: str, params: object) -> None:
        handler = self._server.handler(method)
        refusal = self._refusal(method)
        if refusal is not None:
            self._answer_error(msg_id, *refusal)
        elif handler is None or _is_notification(method):
            self._answer_error(msg_id, METHOD_NOT_FOUND, f"kibitz has no {_shown(method)}")
        elif msg_id in self._running:
            self._answer_error(msg_id, INVALID_REQUEST, "a request with this id is still running")
        else:
            try:
                structured = self._structure(method, params)
            except Exception:  # noqa: BLE001 - cattrs raises groups of anything
                security.note(Event.INPUT_REJECTED, reason="parameters", method=method)
                self._answer_error(msg_id, INVALID_PARAMS, f"the parameters of {method} are not valid")
                return
            if method == types.SHUTDOWN:
                self.phase = Phase.STOPPING
            self._run_request(msg_id, handler, structured)

    def _refusal(self, method: str) -> tuple[int, str] | None:
        if self.phase is Phase.BEFORE and method != types.INITIALIZE:
            return NOT_INITIALIZED, "initialize comes first"
        if self.phase is Phase.RUNNING and method == types.INITIALIZE:
            return INVALID_REQUEST, "initialize comes only once"
        if self.phase is Phase.STOPPING and method != types.SHUTDOWN:
            return INVALID_REQUEST, "the server is shutting down"
        return None

    def _run_request(self, msg_id: int | str, handler: Callable[..., Any], params: object) -> None:
        try:
            result = handler(params)
        except Exception as error:  # noqa: BLE001 - a request is always answered
            self._answer_failure(msg_id, error)
            return
        if not isinstance(result, CoroutineType):
            self._answer(msg_id, result)
            return
        task = asyncio.ensure_future(result)
        self._running[msg_id] = task
        task.add_done_callback(lambda done: self._finish_request(msg_id, done))

    def _finish_request(self, msg_id: int | str, task: asyncio.Task[Any]) -> None:
        self._running.pop(msg_id, None)
        if task.cancelled():
            self._answer_error(msg_id, REQUEST_CANCELLED, "cancelled")
        elif (error := task.exception()) is not None:
            self._answer_failure(msg_id, error)
        else:
            self._answer(msg_id, task.result())

    def _take_notification(self, method: str, params: object) -> None:
        if method == types.CANCEL_REQUEST:
            self._cancel(params)
            return
        handler = self._server.handler(method)
        if handler is None or _is_request(method):
            logger.debug("ignored the notification %s", _shown(method))
            return
        if self.phase is not Phase.RUNNING and method != types.EXIT:
            return
        try:
            structured = self._structure(method, params)
        except Exception:  # noqa: BLE001 - cattrs raises groups of anything
            logger.warning("ignored a %s with parameters that are not valid", method)
            security.note(Event.INPUT_REJECTED, reason="parameters", method=method)
            self._server.bad_notification(method, params)
            return
        result = handler(structured)
        if isinstance(result, CoroutineType):
            task = asyncio.ensure_future(result)
            self._notified.add(task)
            task.add_done_callback(self._finish_notification)

    def _finish_notification(self, task: asyncio.Task[Any]) -> None:
        self._notified.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a notification could not be handled: %s", describe(error))

    def _cancel(self, params: object) -> None:
        target = params.get("id") if isinstance(params, dict) else None
        if isinstance(target, int | str) and (task := self._running.get(target)) is not None:
            task.cancel()

    def _take_response(self, message: dict[str, Any]) -> None:
        msg_id = _id_of(message)
        future = self._request_futures.pop(msg_id, None) if msg_id is not None else None
        if future is None or future.done():
            logger.debug("ignored an answer that nobody waits for")
            return
        result_type = self._result_types.pop(cast("int | str", msg_id), None)
        try:
            if message.get("error") is not None:
                error = self._converter.structure(message["error"], types.ResponseError)
                future.set_exception(JsonRpcException(error.message, error.code))
            elif result_type is None:
                future.set_result(message.get("result"))
            else:
                future.set_result(
                    self._converter.structure(
                        {**message, "result": message.get("result")}, result_type
                    ).result
                )
        except Exception:  # noqa: BLE001 - pygls would leave whoever waits for it waiting for ever
            future.set_exception(JsonRpcException("the client's answer is not valid", INVALID_PARAMS))

    def _structure(self, method: str, params: object) -> Any:
        """The typed parameters. ``initialize`` is left as it came: clients are creative there."""
        if (read := READERS.get(method)) is not None:
            return read(params)
        if is_deep(params):
            raise ValueError("nested too deeply")
        if method == types.INITIALIZE:
            if not isinstance(params, dict):
                raise TypeError("no object")
            return params
        message_type = self.get_message_type(method)
        if message_type is None:
            return params
        message = {"jsonrpc": self.VERSION, "id": 0, "method": method}
        if params is not None:
            message["params"] = params
        return self._converter.structure(message, message_type).params

    async def warm(self) -> None:
        """Build what cattrs builds at the first message of a kind, so that no user waits for it."""
        from kibitz.lsp import samples  # noqa: PLC0415 - the first answer does not wait for it

        for method in _WARM:
            self._server.handler(method)
            message_type = self.get_message_type(method)
            if message_type is not None and method not in READERS:
                self._converter.get_structure_hook(message_type)
            await asyncio.sleep(0)
        for sample in samples.sent():
            self.as_json(sample)
            await asyncio.sleep(0)

    # Writing

    def _answer(self, msg_id: int | str, result: object) -> None:
        if isinstance(result, Written):
            number = msg_id if isinstance(msg_id, int) else write(msg_id)
            self._put(f'{{"jsonrpc":"{self.VERSION}","id":{number},"result":{result.text}}}')
            return
        # No message object around it: cattrs would copy what is plain JSON already, piece by piece.
        self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "result": result})

    def as_json(self, value: object) -> Any:
        """A value of the protocol's types as it goes over the wire."""
        return self._converter.unstructure(value)

    def _answer_failure(self, msg_id: int | str, error: BaseException) -> None:
        if isinstance(error, JsonRpcException):
            self._answer_error(msg_id, error.code, error.message)
            return
        logger.error("a request failed: %s", describe(error))
        self._answer_error(msg_id, INTERNAL_ERROR, "kibitz could not do that: an internal error, see its log")

    def _answer_error(self, msg_id: int | str | None, code: int, message: str) -> None:
        self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "error": {"code": code, "message": message}})

    def _send_data(self, data: Any) -> None:
        """Serialise and send; nothing once the pipe is closed, and nothing that could recurse."""
        if self._pipe is None:
            return
        try:
            text = json.dumps(data, default=self._serialize_message, separators=(",", ":"))
        except Exception:  # noqa: BLE001 - wrong types in outgoing messages are our own mistake: survive it
            logger.error("a message could not be serialised (%s)", type(data).__name__)  # noqa: TRY400 - it would quote code
            if isinstance(data, dict) and "result" in data:
                self._answer_error(data["id"], INTERNAL_ERROR, "kibitz could not serialise its answer")
            return
        self._put(mask(text) if _is_for_people(data) else text)

    def _put(self, text: str) -> None:
        """Send a message, unless the pipe is closed."""
        if self._pipe is not None:
            body = text.encode()
            self._pipe.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async def ask(self, method: str, params: object, *, seconds: float) -> Any:
        """Send a request and wait for its answer.

        Raises TimeoutError after ``seconds``, and JsonRpcException if the client refuses.
        """
        future: Future[Any] = self.send_request(method, params)
        msg_id = next((key for key, value in self._request_futures.items() if value is future), None)
        try:
            # Not wait_for: before Python 3.12 it swallows a cancellation that comes together with the answer.
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        finally:
            # pygls would keep what was never answered.
            if msg_id is not None:
                self._request_futures.pop(msg_id, None)
                self._result_types.pop(msg_id, None)


def _is_for_people(data: Any) -> bool:
    """Whether it is an error, or something to read: it may quote anything, and never takes code's place."""
    if isinstance(data, dict):
        return "error" in data
    return getattr(data, "method", None) in _TOLD


def _is_request(method: str) -> bool:
    return method in types.METHOD_TO_TYPES and types.METHOD_TO_TYPES[method][1] is not None


def _is_notification(method: str) -> bool:
    return method in types.METHOD_TO_TYPES and types.METHOD_TO_TYPES[method][1] is None


def _id_of(message: object) -> int | str | None:
    found = message.get("id") if isinstance(message, dict) else None
    return found if isinstance(found, int | str) and not isinstance(found, bool) else None


def _shown(name: str) -> str:
    return name[:80].encode("ascii", "backslashreplace").decode()
