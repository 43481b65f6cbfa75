"""Diagnostics and fixes land on the right characters, whatever the text and the encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support import canary
from tests.support.fake_provider import Bug, FakeProvider, reviewer
from tests.support.lsp_process import Buffer, ServerProcess

from kibitz.text.lines import Encoding

if TYPE_CHECKING:
    from pathlib import Path

BAD = "total = sum(values) / len(value)"
GOOD = "total = sum(values) / len(values)"
TEXTS = {
    "wide characters before it": f'def f(values):\n    e = "😀é"; {BAD}\n    return e, total\n',
    "CRLF": f"import os\r\n\r\n\r\ndef f(values):\r\n    # 😀\r\n    {BAD}\r\n    return total\r\n",
    "form feed and U+2028": (
        f'import os\n\x0c\ns = "a\u2028b\x85c"\n\x0cdef f(values):\n    {BAD}\n    return total\n'
    ),
    "tabs": f"def f(values):\n\tif values:\n\t\t{BAD}\t# é\n\treturn total\n",
    "no final line end": f"def f(values):\n    {BAD}",
    "a lone surrogate": f's = "\ud83d"\ndef f(values):\n    t = "\ude00"\n    {BAD}\n    return total\n',
}


@pytest.mark.parametrize("encoding", list(Encoding))
async def test_findings_and_fixes_land_on_the_right_characters(encoding: Encoding, tmp_path: Path) -> None:
    bug = Bug("len(value)", "len(values)")
    async with (
        FakeProvider(reviewer(bug)) as fake,
        ServerProcess(
            tmp_path,
            OPENAI_BASE_URL=fake.base_url,
            OPENAI_API_KEY=canary.KEY,
            KIBITZ_RULES_OFF="hidden-characters",  # These texts have some, on purpose.
        ) as server,
    ):
        result = await server.initialize(encoding.value)
        assert result["capabilities"]["positionEncoding"] == encoding.value
        for number, (name, text) in enumerate(TEXTS.items()):
            buffer = Buffer(server, f"file://{tmp_path}/f{number}.py", text, encoding)
            buffer.open()
            # An edit before the finding: it is carried along, in the same columns.
            (found,) = await buffer.diagnostics(1)
            assert BAD in buffer.covered(found["range"]), name
            start = {"line": 0, "character": 0}
            buffer.replace({"start": start, "end": start}, "# 😀é\r\n#\x0c\u2028\n")
            where = {k: {**v, "line": v["line"] + 2} for k, v in found["range"].items()}
            buffer.apply(await buffer.fix(where))
            assert buffer.text == "# 😀é\r\n#\x0c\u2028\n" + text.replace(BAD, GOOD), name
        assert await server.leave() == 0
