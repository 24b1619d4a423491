"""One creates a file and nobody after does, on a disk and in an object store, whatever the store answers."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from airflow.sdk.exceptions import AirflowFailException

from stage_gate.commands import doctor_store
from stage_gate.commands.diagnosis import State
from stage_gate.configuration.gate_file import load_gate
from stage_gate.evidence import exclusive
from stage_gate.evidence.exclusive import (
    ClaimUnsupported,
    create_beside,
    create_exclusively,
    probe,
    require_exclusive_create,
)
from stage_gate.evidence.files import listed, look_anew, open_store, written
from stage_gate.tasks.pin import PinCandidate
from unit.stage_gate.release import Release
from unit.stage_gate.stores import grumbling_store, overwriting_store, s3_server, s3_store
from unit.stage_gate.tasks.test_waits import context, release, signing

__all__ = ["release", "signing"]

Creates = Callable[[Callable[[], None]], None]


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(params=["disk", "disk without links", "s3"])
def stores(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Path]:
    """One store, opened anew at each call."""
    if request.param == "s3":
        url = request.getfixturevalue("s3")
        return lambda: s3_store(url) / tmp_path.name
    if request.param == "disk without links":
        monkeypatch.setattr(os, "link", _no_links)
    return lambda: tmp_path


def _no_links(*_: object) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


def raises(number: int) -> Callable[..., None]:
    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fails


def test_of_many_who_create_one_name_one_does(stores: Callable[[], Path]) -> None:
    together = Barrier(8)

    def race(number: int) -> bool:
        path = stores() / "claims" / "one.json"
        together.wait()
        try:
            create_exclusively(path, f"run {number}".encode())
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(race, range(8)))
    assert won.count(True) == 1
    assert (stores() / "claims" / "one.json").read_bytes() == f"run {won.index(True)}".encode()
    assert [path.name for path in (stores() / "claims").iterdir()] == ["one.json"], "nothing else is left"


def test_a_store_that_creates_once_is_found_to_do_so(stores: Callable[[], Path]) -> None:
    probe(stores())
    assert listed(stores()) == [], "nothing is left of the trial"


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK])
def test_however_a_disk_says_that_it_has_no_links_one_creates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "link", raises(number))
    path = tmp_path / "claims" / "one.json"
    create_exclusively(path, b"first")
    with pytest.raises(FileExistsError):
        create_exclusively(path, b"second")
    assert path.read_bytes() == b"first"


def test_a_disk_that_fails_is_not_taken_for_one_without_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", raises(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        create_exclusively(tmp_path / "one.json", b"first")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(params=["a link to nowhere", "a file"])
def no_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What is left in the place of a folder, as after a lost mount."""
    path = tmp_path / "evidence"
    if request.param == "a file":
        path.touch()
    else:
        path.symlink_to(tmp_path / "not mounted")
    return path


@pytest.mark.parametrize("below", ["", "one", "one/another"])
def test_where_a_folder_is_none_nobody_is_said_to_have_been_first(no_folder: Path, below: str) -> None:
    with pytest.raises(NotADirectoryError):
        create_exclusively(no_folder / below / "one.json", b"first")
    with pytest.raises(NotADirectoryError):
        create_beside(no_folder / below, "one", b"first")


@pytest.mark.parametrize("links", [True, False], ids=["with links", "without links"])
def test_a_file_and_its_name_are_on_the_disk_before_anybody_relies_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """Whoever holds a claim acts at once; after a power cut it must still be there, and whole."""
    path = tmp_path / "one.json"
    synced: list[tuple[str, int]] = []
    folders: list[int] = []

    def fsync(handle: int) -> None:
        seen = os.fstat(handle)
        if stat.S_ISDIR(seen.st_mode):
            assert path.exists()
            folders.append(handle)
        synced.append(("folder", 0) if stat.S_ISDIR(seen.st_mode) else ("file", seen.st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    create_exclusively(path, b"whole")
    assert synced == [("file", 5), *([] if links else [("file", 5)]), ("folder", 0)]
    for handle in folders:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(handle)


def answers(number: int, *, before: bool = False) -> Creates:
    """A store that says ``number`` where a name is taken; with ``before``, the first time without looking."""
    asked: list[bool] = []

    def creates(create: Callable[[], None]) -> None:
        asked.append(True)
        if before and len(asked) == 1:
            raise OSError(number, "Conflict")
        try:
            create()
        except FileExistsError:
            raise OSError(number, "At least one of the pre-conditions you specified did not hold") from None

    return creates


def loses_the_answer(create: Callable[[], None]) -> None:
    """It is written, the answer is lost, and the driver sends it again: then the name is taken, by itself."""
    create()
    raise FileExistsError("At least one of the pre-conditions you specified did not hold")


def is_taken(create: Callable[[], None]) -> None:
    raise FileExistsError("At least one of the pre-conditions you specified did not hold")


def breaks_down(create: Callable[[], None]) -> None:
    raise RuntimeError("an error of the driver's own")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EBUSY])
def test_what_a_store_calls_a_taken_name_is_resolved_by_reading_it_back(number: int) -> None:
    path = grumbling_store(answers(number)) / "claims" / "one.json"
    create_exclusively(path, b"first")
    with pytest.raises(FileExistsError):
        create_exclusively(path, b"second")
    assert path.read_bytes() == b"first"


def test_a_store_that_is_busy_with_that_name_is_asked_again() -> None:
    path = grumbling_store(answers(errno.EBUSY, before=True)) / "claims" / "one.json"
    create_exclusively(path, b"first")
    assert path.read_bytes() == b"first"


def counted(create: Creates) -> tuple[Path, list[bool]]:
    """A store, and how often it was asked to create something."""
    asked: list[bool] = []

    def creates(honest: Callable[[], None]) -> None:
        asked.append(True)
        create(honest)

    return grumbling_store(creates), asked


def is_busy(create: Callable[[], None]) -> None:
    raise OSError(errno.EBUSY, "Conflict")


def test_a_name_that_stays_busy_is_given_up_after_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    store, asked = counted(is_busy)
    waits: list[float] = []
    monkeypatch.setattr(exclusive._BUSY, "sleep", waits.append)
    monkeypatch.setattr("random.uniform", lambda least, most: most)
    with pytest.raises(OSError, match=r"it can't be created .*Conflict") as told:
        create_exclusively(store / "one.json", b"mine")
    assert told.value.errno == errno.EBUSY
    assert len(asked) == 5
    assert all(waits), "others who came at the same moment do not come again together"
    assert sum(waits) <= 2


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_any_other_error_is_told_at_once(number: int) -> None:
    store, asked = counted(lambda create: raises(number)())
    with pytest.raises(OSError, match="it can't be created") as told:
        create_exclusively(store / "one.json", b"mine")
    assert (told.value.errno, len(asked)) == (number, 1)


def test_a_driver_that_remembers_that_nothing_is_there_is_made_to_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = grumbling_store(lambda create: None)
    looks: list[bool] = []

    def cat_file(path: str) -> bytes:
        if not looks:
            raise FileNotFoundError(path)
        return b"theirs"

    monkeypatch.setattr(store.fs, "invalidate_cache", lambda: looks.append(True))  # type: ignore[attr-defined]
    monkeypatch.setattr(store.fs, "cat_file", cat_file)  # type: ignore[attr-defined]
    monkeypatch.setattr(store.fs, "creates", is_taken)  # type: ignore[attr-defined]
    with pytest.raises(FileExistsError) as told:
        create_exclusively(store / "one.json", b"ours")
    assert str(told.value) == f"[Errno 17] it exists: '{store / 'one.json'}'"


def test_whose_answer_was_lost_knows_its_own_file_again() -> None:
    path = grumbling_store(loses_the_answer) / "claims" / "one.json"
    create_exclusively(path, b"mine")
    assert path.read_bytes() == b"mine"


def test_where_nothing_was_created_nobody_is_said_to_have_been_first() -> None:
    path = grumbling_store(breaks_down) / "claims" / "one.json"
    with pytest.raises(OSError, match="an error of the driver's own") as told:
        create_exclusively(path, b"mine")
    assert not isinstance(told.value, FileExistsError)
    assert (told.value.errno, told.value.filename) == (errno.EIO, str(path))


def test_where_the_store_can_not_be_asked_nobody_is_said_to_have_been_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = grumbling_store(loses_the_answer)
    monkeypatch.setattr(store.fs, "cat_file", lambda path: breaks_down(lambda: None))  # type: ignore[attr-defined]
    path = store / "claims" / "one.json"
    with pytest.raises(
        OSError, match=r"nobody can tell whether it was created .*of the driver's own"
    ) as told:
        create_exclusively(path, b"mine")
    assert not isinstance(told.value, FileExistsError)
    assert (told.value.errno, told.value.filename) == (errno.EIO, str(path))


def refusing_store(number: int) -> Callable[[], Path]:
    return lambda: grumbling_store(lambda create: raises(number)())


REFUSED: dict[str, tuple[Callable[[], Path], str]] = {
    "it overwrites": (
        overwriting_store,
        "one file was created twice there, and the second one took the place of the first",
    ),
    "it does not know the header": (refusing_store(errno.ENOSYS), "it answers .*Function not implemented.*"),
    "it does not do it": (refusing_store(errno.ENOTSUP), "it answers .*Operation not supported.*"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_store_that_does_not_keep_the_condition_is_refused_whatever_it_is_called(why: str) -> None:
    make, said = REFUSED[why]
    store = make()
    require_exclusive_create(store)
    refusal = rf"^The evidence store {re.escape(str(store))} does not create a file only if it is absent "
    with pytest.raises(ClaimUnsupported, match=rf"{refusal}\({said}\), so.*Use a local.*mode: shadow\.$"):
        probe(store)


def test_a_store_that_can_t_be_written_is_not_said_to_overwrite() -> None:
    with pytest.raises(OSError, match="an error of the driver's own"):
        probe(grumbling_store(breaks_down))


@pytest.mark.parametrize("kind", ["s3", "gs", "gcs", "abfs", "abfss"])
def test_these_kinds_of_stores_can_hold_claims(kind: str) -> None:
    require_exclusive_create(grumbling_store(is_taken, kind))


def test_a_store_of_a_kind_that_can_not_is_refused_without_a_look() -> None:
    with pytest.raises(ClaimUnsupported) as refused:
        probe(open_store("memory://evidence"))
    assert str(refused.value) == (
        "The evidence store memory://evidence (memory) can't create a file only if it is absent, so two runs could "
        "both act. Use a local folder or one of abfs, abfss, gcs, gs, s3, or mode: shadow."
    )


def test_a_listing_that_a_driver_remembers_hides_nothing(s3: str, tmp_path: Path) -> None:
    ours, theirs = (s3_store(s3) / tmp_path.name for _ in range(2))
    create_exclusively(ours / "one", b"1")
    assert [path.name for path in written(ours)] == ["one"]
    create_exclusively(theirs / "two", b"2")
    assert [path.name for path in written(ours)] == ["one", "two"]
    create_exclusively(theirs / "three", b"3")
    look_anew(ours)
    assert (ours / "three").exists()


def test_a_listing_that_a_driver_remembers_hides_no_other_s_claim(s3: str, tmp_path: Path) -> None:
    ours, theirs = (s3_store(s3) / tmp_path.name for _ in range(2))
    create_exclusively(ours / "one", b"1")
    assert [path.name for path in ours.iterdir()] == ["one"]
    create_exclusively(theirs / "two", b"theirs")
    with pytest.raises(FileExistsError):
        create_exclusively(ours / "two", b"ours")


def doctors_line(folder: Path, mode: str) -> tuple[State, str]:
    file = folder / "wknd.yaml"
    file.write_text(
        f"mode: {mode}\npipeline: {{program: 1, pipeline: 2}}\nsites:\n  - {{stage: https://wknd.site, pages: [/]}}\n"
    )
    found = list(doctor_store.examine_store(load_gate(file)))
    return found[0].state, " ".join(map(str, found))


def test_the_doctor_tries_the_store_of_a_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stage_gate.configuration.settings.evidence_store", lambda: tmp_path / "store")
    (tmp_path / "store").mkdir()
    state, said = doctors_line(tmp_path, "guard")
    assert (state, "of 8 who create a file there at once one does" in said) == (State.GOOD, True)
    assert re.search(r"a write takes \d+ ms, a read \d+ ms \(medians of 5\)", said)
    assert list((tmp_path / "store").iterdir()) == [], "nothing is left of the trial"
    monkeypatch.setattr("stage_gate.configuration.settings.evidence_store", overwriting_store)
    state, said = doctors_line(tmp_path, "guard")
    assert (state, "created twice" in said, "production would wait" in said) == (State.BAD, True, True)
    state, said = doctors_line(tmp_path, "shadow")
    assert (state, "guard mode will refuse this store" in said) == (State.UNKNOWN, True)


def test_the_doctor_races_for_a_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that keeps the condition for those who come one after another, and not for those who come at once."""
    monkeypatch.setattr("stage_gate.configuration.settings.evidence_store", lambda: tmp_path)
    together = Barrier(doctor_store.RACERS)

    def creates(path: Path, content: bytes) -> None:
        together.wait(60)
        path.write_bytes(content)

    monkeypatch.setattr(doctor_store, "create_exclusively", creates)
    state, said = doctors_line(tmp_path, "guard")
    assert (state, "at the same moment, 8 did" in said) == (State.BAD, True)


@pytest.mark.parametrize(
    ("executor", "says"), [("LocalExecutor", False), ("CeleryExecutor", True), ("KubernetesExecutor", True)]
)
def test_the_doctor_says_when_a_folder_may_not_be_that_of_all_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str, says: bool
) -> None:
    monkeypatch.setattr("stage_gate.configuration.settings.evidence_store", lambda: tmp_path)
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    assert (
        "is a folder, and the executor runs tasks on several hosts" in doctors_line(tmp_path, "guard")[1]
    ) is says


def test_a_slow_store_is_called_slow() -> None:
    assert doctor_store.judge_time(0.02, 0.01).state is State.GOOD
    slow = doctor_store.judge_time(0.02, 0.9)
    assert (slow.state, "the store is slow: a write takes 20 ms, a read 900 ms" in str(slow)) == (
        State.UNKNOWN,
        True,
    )


def test_guard_mode_pins_nothing_in_a_store_where_two_could_act(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = overwriting_store()
    monkeypatch.setattr("stage_gate.configuration.settings.evidence_store", lambda: store)
    task = PinCandidate(task_id="pin", gate_file=str(release.gate_file), waits=["next"], fold="fold")
    with pytest.raises(AirflowFailException, match=r"Nothing is pinned, so production waits.*created twice"):
        task.choose_branch(context(release))
    assert written(store / "larkfell") == []
