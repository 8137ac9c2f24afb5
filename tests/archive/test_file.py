"""The archive's file: what is read is what was written; torn, foreign, newer and full, it costs only what is lost."""

import contextlib
import errno
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from streamwatch.archive import archive_file
from streamwatch.archive.archive import Archive
from streamwatch.archive.archive_file import ArchiveFile
from streamwatch.archive.keeper import ArchiveKeeper
from streamwatch.archive.marks import AlertMark
from streamwatch.archive.numbers import BY_NAME
from streamwatch.archive.packing import HEAD, packed_row
from streamwatch.archive.rings import LEVELS, ROW_BYTES
from streamwatch.catalogue import archive as c
from streamwatch.catalogue import kafka_groups as g
from streamwatch.core.clock import ManualClock, SystemClock
from streamwatch.core.records import FileFormatError, TornError
from streamwatch.model.metric import Keys, Samples
from tests.waiting import wait_for

LAG = BY_NAME["group.kafka_group_lag_seconds"]
HOSTILE = "".join(map(chr, [0, 10, 34, 60, 0xD800, 0x1F600]))
NAMES = ("billing", HOSTILE, "")
KEYS = Keys(g.GROUP_LAG_SECONDS.labels, [("shop", name) for name in NAMES])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000.0)


def taken(archive: Archive, clock: ManualClock, steps: int, first: float = 0.0) -> None:
    """Let an archive take a value each 10 s."""
    for at in range(steps):
        values = np.array([first + at, 7.0, np.nan if at % 3 else 2.0])
        archive.take("shop", [g.GROUP_LAG_SECONDS.samples(KEYS, values)], clock.now())
        clock.advance(10)


def content(archive: Archive) -> list[list[str]]:
    """All that is known of the groups, as text: NaN is not equal to itself."""
    found = []
    for level in LEVELS:
        for name in NAMES:
            curve = archive.curve(LAG, ("shop", name), level.span_seconds)
            found.append([] if curve is None else [str(one) for one in curve.values.ravel().tolist()])
    return found


def read_again(path: Path, clock: ManualClock) -> Archive:
    archive = Archive(10 * ROW_BYTES, clock)
    ArchiveFile(path, archive).load()
    return archive


@pytest.fixture
def written(tmp_path: Path, clock: ManualClock) -> Iterator[tuple[Path, Archive]]:
    """A file that was written anew, and appended to twice."""
    archive, path = Archive(10 * ROW_BYTES, clock), tmp_path / "state.archive"
    file = ArchiveFile(path, archive)
    for part in range(3):
        taken(archive, clock, 20, 100.0 * part)
        archive.marks.add([AlertMark(clock.now(), "fires", {"alertname": "A", "group": HOSTILE})])
        file.write(clock.now())
    yield path, archive
    file.close()


def test_what_is_read_is_what_was_written(written: tuple[Path, Archive], clock: ManualClock) -> None:
    path, archive = written
    again = read_again(path, clock)
    assert content(again) == content(archive)
    assert again.marks.since(0.0) == archive.marks.since(0.0)
    assert len(again.marks.since(0.0)) == 3
    clock.advance(3 * 86_400)
    assert content(read_again(path, clock)) == content(archive), "whatever time has passed"


def test_a_tail_that_is_torn_anywhere_costs_only_what_is_torn(
    written: tuple[Path, Archive], clock: ManualClock, tmp_path: Path
) -> None:
    path, archive = written
    data, whole = path.read_bytes(), content(archive)
    torn = tmp_path / "torn"
    for cut in (*range(len(HEAD), len(data), 997), len(data) - 1):
        torn.write_bytes(data[:cut])
        again = Archive(10 * ROW_BYTES, clock)
        with contextlib.suppress(TornError):
            ArchiveFile(torn, again).load()
        for there, had in zip(content(again), whole, strict=True):
            assert all(one == "nan" or other != "nan" for one, other in zip(there, had, strict=bool(there)))
    torn.write_bytes(data[:-1])
    again = Archive(10 * ROW_BYTES, clock)
    with pytest.raises(TornError):
        ArchiveFile(torn, again).load()
    lost = sum(
        there != had for a, b in zip(content(again), whole, strict=True) for there, had in zip(a, b, strict=True)
    )
    assert lost == 0, "it was the last mark"


def test_a_bit_that_turned_is_noticed(written: tuple[Path, Archive], clock: ManualClock) -> None:
    path, _ = written
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(TornError):
        read_again(path, clock)


@pytest.mark.parametrize("data", [b"", b"SWARCHIV", b"SQLite format 3", HEAD[:8] + b"\x02" + HEAD[9:]])
def test_what_is_none_of_this_version_is_refused(tmp_path: Path, clock: ManualClock, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(FileFormatError):
        read_again(path, clock)


def test_a_number_that_is_no_more_and_a_record_of_nonsense_are_not_taken(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "file"
    path.write_bytes(HEAD + packed_row(0, "group.kafka_group_mood", ("shop", "billing"), None))
    assert read_again(path, clock).rows() == 0
    path.write_bytes(HEAD + packed_row(0, LAG.name, ("shop", "billing", "one", "too", "many"), None))
    assert read_again(path, clock).rows() == 0


def test_it_is_written_anew_before_it_grows_without_end(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_file, "_LEAST_GROWTH", 1000)
    archive, path = Archive(10 * ROW_BYTES, clock), tmp_path / "file"
    file = ArchiveFile(path, archive)
    sizes = []
    for _ in range(150):
        taken(archive, clock, 2)
        file.write(clock.now())
        sizes.append(path.stat().st_size)
        assert sizes[-1] == file.size
    anew = [later for earlier, later in itertools.pairwise(sizes) if later < earlier]
    assert anew
    assert max(sizes) < 2 * max(anew) + 3000
    assert content(read_again(path, clock)) == content(archive)
    file.close()


def test_a_row_that_is_of_another_now_is_another_in_the_file(tmp_path: Path, clock: ManualClock) -> None:
    archive, path = Archive(1 * ROW_BYTES, clock), tmp_path / "file"
    file = ArchiveFile(path, archive)
    for name in ("first", "second"):
        keys = Keys(g.GROUP_LAG_SECONDS.labels, [("shop", name)])
        archive.take("shop", [g.GROUP_LAG_SECONDS.samples(keys, np.array([5.0]))], clock.now())
        clock.advance(10)
        archive.take("shop", [], clock.now())
        file.write(clock.now())
        clock.advance(4000)
    again = read_again(path, clock)
    assert again.curve(LAG, ("shop", "second"), 86_400) is not None
    file.close()


def keeper_of(tmp_path: Path, archive: Archive) -> ArchiveKeeper:
    return ArchiveKeeper(archive, tmp_path / "state", SystemClock())


def value(samples: list[Samples], name: str) -> float | None:
    return next((each.known()[()] for each in samples if each.metric.name == name), None)


def is_up(keeper: ArchiveKeeper) -> float | None:
    return value(keeper.collect(), c.ARCHIVE_FILE_UP.name)


def test_the_keeper_writes_and_the_next_one_reads(tmp_path: Path, clock: ManualClock) -> None:
    archive = Archive(10 * ROW_BYTES, clock)
    keeper = keeper_of(tmp_path, archive)
    keeper.start()
    wait_for(lambda: is_up(keeper) == 1.0, 20, "the file is made")
    taken(archive, clock, 5)
    assert keeper.stop(20)
    again = Archive(10 * ROW_BYTES, clock)
    other = keeper_of(tmp_path, again)
    other.start()
    wait_for(lambda: content(again) == content(archive), 20, "the file is read")
    assert other.stop(20)


def test_a_file_of_a_newer_version_is_set_aside_and_not_lost(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    newer = HEAD[:8] + b"\x09" + HEAD[9:] + b"what it has"
    (tmp_path / "state.archive").write_bytes(newer)
    keeper = keeper_of(tmp_path, Archive(10 * ROW_BYTES, clock))
    keeper.start()
    wait_for(lambda: is_up(keeper) == 1.0, 20, "a new file is made")
    assert keeper.stop(20)
    assert [path.read_bytes() for path in tmp_path.glob("state.archive.aside-*")] == [newer]
    assert "version 9" in caplog.text


def test_another_agent_s_file_is_left_alone_until_that_ends(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = (keeper_of(tmp_path, Archive(10 * ROW_BYTES, clock)) for _ in range(2))
    first.start()
    wait_for(lambda: is_up(first) == 1.0, 20, "the first has the file")
    second.start()
    wait_for(lambda: is_up(second) == 0.0, 20, "the second has not")
    assert "another agent writes it" in caplog.text
    assert first.stop(20)
    second.write()
    wait_for(lambda: is_up(second) == 1.0, 20, "the second has it now")
    assert second.stop(20)


def test_a_full_disk_is_said_once_and_gone_on_with_when_there_is_room(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(10 * ROW_BYTES, clock)
    keeper = keeper_of(tmp_path, archive)
    is_full = [True]

    def fsync(_: int) -> None:
        if is_full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("streamwatch.core.records.os.fsync", fsync)
    keeper.start()
    wait_for(lambda: is_up(keeper) == 0.0, 20, "it says so")
    taken(archive, clock, 5)
    for _ in range(3):
        keeper.write()
    wait_for(lambda: not list(tmp_path.iterdir()), 20, "nothing half is left")
    is_full[0] = False
    keeper.write()
    wait_for(lambda: is_up(keeper) == 1.0, 20, "it goes on")
    assert keeper.stop(20)
    assert caplog.text.count("No space left") == 1
    assert content(read_again(tmp_path / "state.archive", clock)) == content(archive)


def test_names_are_written_as_plain_text() -> None:
    assert json.dumps(HOSTILE).isascii()
