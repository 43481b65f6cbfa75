"""The engine's own process: loads a model and serves it on loopback until its parent lets go.

Run as ``python -P -m kibitz.local.worker``; speaks JSON lines with ``kibitz.local.engine``:

- in, one line: the ``Order``;
- out, one line: ``{"url": …}`` once requests are answered, or ``{"error": …}``;
- the end of its input ends it at once, so it never outlives its parent, however that dies.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict, dataclass
from typing import Any

PROMPT_CACHE_MIB = 256
"""Memory for the states of prompts that were pushed out of the slot: about 9,000 tokens of a 1.5B model."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to serve, and how."""

    path: str
    alias: str
    """The model's name over HTTP."""
    api_key: str
    threads: int
    context: int
    """Tokens of prompt and answer together."""
    warm: str
    """A system message that every request starts with; read ahead of the first one. May be empty."""

    def line(self) -> bytes:
        """The order as it goes over the pipe."""
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> None:
    """Serve what standard input orders, until it ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)  # whatever llama.cpp prints, it does not reach whoever reads our answer
    os.dup2(null, 2)
    order = Order(**json.loads(sys.stdin.readline()))
    try:
        server = _serve(order)
    except (ImportError, RuntimeError, OSError, ValueError, MemoryError) as error:
        print(json.dumps({"error": str(error) or type(error).__name__}), file=out, flush=True)
        return
    print(json.dumps({"url": server.listening_address}), file=out, flush=True)
    if order.warm:
        threading.Thread(target=_read_ahead, args=(server, order), daemon=True).start()
    sys.stdin.read()
    os._exit(0)  # no orderly end: a generation under way would hold it up for seconds


def _serve(order: Order) -> Any:
    import xllamacpp  # noqa: PLC0415 - so that a broken installation is an answer, not a crash

    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias = order.path, {order.alias}
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys = [order.api_key]
    params.ui = params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
    params.cors_origins = ""  # no web page has any business here
    params.n_ctx = order.context
    # One slot: two cores answer two requests no sooner side by side than in turn, and a single slot has the
    # whole context and keeps one prompt prefix, which is most of what a request costs.
    params.n_parallel = 1
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = order.threads
    params.n_threads_http = 4
    params.fit_params = False  # the model was chosen to fit
    params.sampling.temp = 0.0  # a review is not a matter of chance, unless a request says so
    params.verbosity = -1
    # No speculative decoding, though a rewrite is mostly a copy and would be written 1.4 times as fast: every
    # token of an answer is then reported as certain, and how sure the model was is worth more (measured).
    return xllamacpp.Server(params)


def _read_ahead(server: Any, order: Order) -> None:
    """Have the prefix in the slot before the first request needs it."""
    turns = [{"role": "system", "content": order.warm}, {"role": "user", "content": ""}]
    server.handle_chat_completions({"model": order.alias, "messages": turns, "max_tokens": 1})


if __name__ == "__main__":
    main()
