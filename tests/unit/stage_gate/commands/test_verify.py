"""``python -m stage_gate verify``: evidence is believed as it was signed, and not in any other way."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aem_checks.outcomes import Outcome
from simulator import Simulator
from stage_gate.acting.retest import retest_of
from stage_gate.cli import main
from stage_gate.commands import bundle as bundles
from stage_gate.evidence.kept_decisions import (
    DecisionRecord,
    keep_retest,
    read_answer,
    read_decision,
    write_decision,
)
from stage_gate.evidence.seal import MANIFEST
from stage_gate.evidence.signing import NO_KEYS, Keys, new_private_key, public_key, read_key, sign
from stage_gate.evidence.store import Evidence
from stage_gate.rules.decision import HALT, OVERRIDE, RETEST, Decision
from unit.stage_gate.release import KEYS, Release

assert KEYS.private is not None
PUBLIC = base64.b64encode(public_key(KEYS.private)).decode()
ASKING = {"policy": {"failed": {"ask": ["alice"]}}}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Real evidence, once each: approved, overridden after a re-test, halted by policy and by a person."""
    ways: dict[str, tuple[dict[str, object], Callable[[Release], Decision]]] = {
        "approved": ({}, _approve),
        "overridden": (ASKING, _override),
        "halted": ({}, _halt),
        "halted by a person": (ASKING, _halt_by_answer),
        "re-tested": (ASKING, _retest),
    }
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for way, (gate, prepare) in ways.items():
            with Simulator.start("quick") as simulator:
                for name, value in simulator.environment().items():
                    patch.setenv(name, value)
                folder = tmp_path_factory.mktemp("recorded")
                release = Release(simulator, folder, **gate)
                write_decision(release.evidence, release.act().perform(prepare(release)))
                found[way] = release.evidence.folder
        yield found


def _approve(release: Release) -> Decision:
    release.seal()
    return Decision.APPROVED


def _halt(release: Release) -> Decision:
    release.seal(Outcome.FAILED)
    return Decision.HALTED


def _override(release: Release) -> Decision:
    release.answer(HALT, release.seal(Outcome.FAILED))
    digest = release.seal(Outcome.FAILED)
    release.answer(OVERRIDE, digest, accepts=release.not_passed)
    return Decision.OVERRIDDEN


def _halt_by_answer(release: Release) -> Decision:
    release.answer(HALT, release.seal(Outcome.FAILED))
    return Decision.HALTED


def _retest(release: Release) -> Decision:
    release.answer(RETEST, release.seal(Outcome.FAILED), reason="the cache was cold")
    sealed, now = release.evidence.load_seal(1), datetime.now(UTC)
    keep_retest(release.evidence, retest_of(sealed, read_answer(release.evidence), "", now))
    release.seal()
    return Decision.APPROVED


@pytest.fixture
def evidence(recorded: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of the evidence of one way, to be damaged."""

    def copy(way: str) -> Path:
        return Path(shutil.copytree(recorded[way], tmp_path / "bundle" / recorded[way].name))

    return copy


def verify(bundle: Path, capsys: pytest.CaptureFixture[str], *, key: str = PUBLIC) -> tuple[int, str]:
    capsys.readouterr()
    code = main(["verify", str(bundle), *(["--key", key] if key else [])])
    said = capsys.readouterr()
    return code, said.out + said.err


@pytest.mark.parametrize("way", ["approved", "overridden", "halted", "halted by a person"])
def test_what_was_sealed_answered_and_decided_is_verified(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str], way: str
) -> None:
    code, said = verify(evidence(way), capsys)
    assert code == 0, said
    assert "✘" not in said
    assert f"✔ decision: {way.split()[0]}" in said
    assert "judged again" in said


def test_one_attempt_alone_is_verified_whatever_its_folder_is_called(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    attempt = evidence("approved") / "attempt-1"
    code, said = verify(attempt, capsys)
    assert code == 0
    assert "it is here alone: pin, answers, ticket and decision were not looked at" in said
    assert verify(attempt.rename(tmp_path / "somewhere"), capsys)[0] == 0


def zipped(folder: Path) -> Path:
    return Path(shutil.make_archive(str(folder.parent.parent / "packed"), "zip", folder.parent))


def tarred(folder: Path) -> Path:
    return Path(shutil.make_archive(str(folder.parent.parent / "packed"), "gztar", folder.parent))


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_is_verified_like_its_folder(
    evidence: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
    pack: Callable[[Path], Path],
) -> None:
    folder = evidence("overridden")
    assert verify(pack(folder), capsys)[0] == 0
    (folder / "attempt-1" / "plan.json").write_text("{}")
    code, said = verify(pack(folder), capsys)
    assert code == 1
    assert "plan.json of attempt 1 was changed" in said


def test_without_a_trusted_key_nothing_is_verified(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = evidence("approved")
    for key in ("", base64.b64encode(b"a public key of somebody else!!!").decode()):
        code, said = verify(folder, capsys, key=key)
        assert code == 1
        assert "key that is not trusted here" in said
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__TRUSTED_KEYS", PUBLIC)
    assert verify(folder, capsys, key="")[0] == 0


@pytest.mark.parametrize("name", ["plan.json", "candidate.json", "results/key_pages.json"])
def test_every_changed_file_of_an_attempt_is_named(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = evidence("halted")
    path = folder / "attempt-1" / name
    path.write_bytes(path.read_bytes().replace(b"failed", b"passed") + b" ")
    code, said = verify(folder, capsys)
    assert code == 1
    assert f"{name} of attempt 1 was changed" in said


def resign(path: Path, change: Callable[[dict[str, object]], None], keys: Keys = KEYS) -> None:
    """Forge a signed file as somebody could who holds the key, or another one, or none."""
    content = json.loads(path.read_text())["signed"]
    change(content)
    path.write_bytes(sign(content, keys))


def test_a_seal_that_was_forged_without_the_key_is_no_seal(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = evidence("approved")
    manifest = folder / "attempt-1" / MANIFEST
    envelope = json.loads(manifest.read_text())
    envelope["signed"]["sealed_at"] = "2026-01-01T00:00:00Z"
    manifest.write_text(json.dumps(envelope))
    assert "was changed after it was signed" in verify(folder, capsys)[1]
    for keys, words in (
        (NO_KEYS, "not signed"),
        (Keys(read_key(new_private_key())), "not trusted here"),
    ):
        resign(manifest, lambda content: None, keys)
        code, said = verify(folder, capsys)
        assert code == 1
        assert words in said


def test_a_verdict_that_its_results_contradict_is_told_even_when_it_is_signed(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A seal of a gate that judged wrongly: the digests and the signature are right, the verdict is not."""
    folder = evidence("halted")

    def forge(content: dict[str, Any]) -> None:
        content["verdict"] |= {"outcome": "passed", "not_passed": []}

    resign(folder / "attempt-1" / MANIFEST, forge)
    code, said = verify(folder, capsys)
    assert code == 1
    assert "its results amount to failed, and sealed is passed" in said


DECISIONS = {
    "approved without passing": (
        "halted",
        {"decision": "approved", "production_reached": True},
        "only passed",
    ),
    "halted although the policy approves": (
        "approved",
        {"decision": "halted", "production_reached": False},
        "does not halt on passed",
    ),
    "by somebody who did not answer": ("approved", {"by": "mallory"}, "mallory gave no answer"),
    "of another seal": ("approved", {"seal_digest": "0" * 64}, "not the intact one"),
    "before the seal": ("approved", {"at": "2020-01-01T00:00:00Z"}, "sealed is another"),
    "with another verdict": ("approved", {"outcome": "failed"}, "sealed is another"),
    "halted and yet in production": ("halted", {"production_reached": True}, "contradicts"),
    "overridden by policy": (
        "approved",
        {"decision": "overridden"},
        "Nobody has answered Override",
    ),
    "held on a verdict that never was": (
        "approved",
        {"decision": "held", "outcome": "inconclusive"},
        "no attempt was inconclusive",
    ),
}


@pytest.mark.parametrize("case", DECISIONS)
def test_a_signed_decision_that_does_not_follow_is_told(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str], case: str
) -> None:
    way, changed, words = DECISIONS[case]
    folder = evidence(way)
    resign(folder / "decision.json", lambda content: content["record"].update(changed))  # type: ignore[attr-defined]
    code, said = verify(folder, capsys)
    assert code == 1
    assert words in said


ANSWERS = {
    "of nobody who is asked": ({"by": "mallory"}, "mallory is not among those"),
    "without a reason": ({"reason": " "}, "no reason"),
    "that accepts less": ({"accepts": ["key_pages"]}, "but not"),
    "about another seal": ({"seal_digest": "0" * 64}, "not among the intact ones"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_override_stands_on_its_answer(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str], case: str
) -> None:
    changed, words = ANSWERS[case]
    folder = evidence("overridden")
    for path in (folder / "answer.json", sorted(folder.glob("answer-*.json"))[-1]):
        resign(path, lambda content: content["record"].update(changed))  # type: ignore[attr-defined]
    code, said = verify(folder, capsys)
    assert code == 1
    assert words in said


@pytest.mark.parametrize("name", ["decision.json", "answer.json"])
def test_an_unsigned_or_exchanged_record_is_told(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = evidence("halted by a person")
    resign(folder / name, lambda content: None, NO_KEYS)
    assert verify(folder, capsys)[0] == 1
    other = {"decision.json": "answer.json", "answer.json": "decision.json"}[name]
    shutil.copy(folder / other, folder / name)
    code, said = verify(folder, capsys)
    assert code == 1
    assert f"{name} is no " in said


def test_an_attempt_that_is_gone_unsealed_or_of_another_execution_is_told(
    evidence: Callable[[str], Path], recorded: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = evidence("overridden")
    (folder / "attempt-2" / MANIFEST).unlink()
    assert "attempt 2: it was never sealed" in verify(folder, capsys)[1]
    shutil.rmtree(folder / "attempt-1")
    assert "there are attempt 2 only" in verify(folder, capsys)[1]
    shutil.copytree(recorded["halted"] / "attempt-1", folder / "attempt-1")
    code, said = verify(folder, capsys)
    assert code == 1
    assert "another execution or gate file" in said


def pin_another_policy(content: dict[str, object]) -> None:
    pin: Any = content["record"]
    pin["gate_content"]["policy"] = {"failed": "hold"}


def test_a_pin_with_another_gate_file_is_told(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = evidence("halted")
    resign(folder / "pin.json", pin_another_policy)
    code, said = verify(folder, capsys)
    assert code == 1
    assert "another gate file than its digest says" in said
    resign(folder / "pin.json", lambda content: None, NO_KEYS)
    code, said = verify(folder, capsys)
    assert code == 1
    assert "pin.json is not signed" in said


@pytest.mark.parametrize(
    ("way", "gone", "told"),
    [
        ("approved", "decision.json", "decision: none is on record, so nothing here says what became of"),
        (
            "approved",
            "ticket.json",
            "ticket: the ticket to what was approved was taken before, and it is not here",
        ),
        ("approved", "pin.json", "pin.json can't be read"),
        ("overridden", "answer.json", "answer.json: it is missing, and alice answered Override"),
        ("overridden", "answer*.json", "does not follow: Nobody has answered Override to this verdict"),
        ("overridden", "answer-*.json", "it is none of the answers that were kept under their own time"),
        ("halted by a person", "answer*.json", "does not follow"),
        ("halted by a person", "ticket.json", "the ticket to what was halted was taken before"),
        ("re-tested", "retest-2.json", "it is missing, and alice wanted attempt 2: the cache was cold"),
    ],
)
def test_what_a_decision_relies_on_and_is_not_there_is_named(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str], way: str, gone: str, told: str
) -> None:
    folder = evidence(way)
    assert verify(folder, capsys)[0] == 0
    for path in folder.glob(gone):
        path.unlink()
    code, said = verify(folder, capsys)
    assert code == 1, said
    assert told in said
    assert "NOT verified" in said


@pytest.mark.parametrize("left", ["decision.json", "ticket.json"])
def test_what_was_carried_out_is_not_hidden_behind_a_note_that_it_was_held(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str], left: str
) -> None:
    folder = evidence("approved")
    files = Evidence(folder.parent, "larkfell", folder.name.removeprefix("execution-"), KEYS)
    files.folder = folder
    write_decision(
        files, DecisionRecord(decision=Decision.HELD, sentence="", by="Stage Gate", at=datetime.now(UTC))
    )
    assert verify(folder, capsys)[0] == 0, "what was carried out counts"
    if left == "decision.json":
        (folder / left).write_text("{}")
    else:
        (folder / "decision.json").unlink()
    code, said = verify(folder, capsys)
    assert code == 1, said
    assert f"{left}: it is here, and what counts as decided is that it was held" in said


def test_what_was_carried_out_is_not_hidden_while_its_ticket_lies_in_the_store(
    recorded: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store = Path(shutil.copytree(recorded["approved"].parent.parent, tmp_path / "store"))
    folder = store / recorded["approved"].parent.name / recorded["approved"].name
    files = Evidence(store, "larkfell", folder.name.removeprefix("execution-"), KEYS)
    write_decision(
        files, DecisionRecord(decision=Decision.HELD, sentence="", by="Stage Gate", at=datetime.now(UTC))
    )
    for name in ("decision.json", "ticket.json"):
        (folder / name).unlink()
    code, said = verify(folder, capsys)
    assert code == 1, said
    assert "is in the evidence store, so a request may have been sent" in said
    shutil.rmtree(store / "tickets")
    assert verify(folder, capsys)[0] == 0


def test_an_approval_over_a_persons_halt_does_not_follow(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Release(simulator, tmp_path)
    release.answer(HALT, release.seal(Outcome.INCONCLUSIVE))
    release.seal()
    monkeypatch.setattr("stage_gate.acting.right.standing_halt", lambda answers: None)
    write_decision(release.evidence, release.act().perform(Decision.APPROVED))
    code, said = verify(release.evidence.folder, capsys)
    assert code == 1
    assert "approved by Stage Gate does not follow: alice answered Halt" in said


def test_an_attempt_that_nobody_said_why_is_told(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = verify(evidence("overridden"), capsys)
    assert code == 0
    assert "attempt 2: was begun by running settle_stage again" in said


def test_a_ticket_in_the_store_that_the_evidence_lies_in_will_do(
    recorded: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As for a release whose ticket could not be copied."""
    store = Path(shutil.copytree(recorded["approved"].parent.parent, tmp_path / "store"))
    folder = store / recorded["approved"].parent.name / recorded["approved"].name
    (folder / "ticket.json").unlink()
    code, said = verify(folder, capsys)
    assert code == 0, said
    assert "ticket: the ticket to what was approved was taken once, by run execution-" in said
    shutil.rmtree(store / "tickets")
    assert verify(folder, capsys)[0] == 1


@pytest.mark.parametrize(
    ("change", "keys", "told"),
    [
        ({}, NO_KEYS, "but that is not signed"),
        ({"decision": "halted"}, KEYS, "what is here is the ticket to what was halted"),
        ({"seal_digest": "another"}, KEYS, "what is here is the ticket to what was approved"),
        ({"at": "2999-01-01T00:00:00Z"}, KEYS, "at 2999-01-01"),
    ],
    ids=["unsigned", "of another act", "on another seal", "later than the decision"],
)
def test_a_ticket_that_is_none_for_this_decision_is_named(
    evidence: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str],
    keys: Keys,
    told: str,
) -> None:
    folder = evidence("approved")
    resign(folder / "ticket.json", lambda content: content["record"].update(change), keys)  # type: ignore[attr-defined]
    code, said = verify(folder, capsys)
    assert code == 1
    assert told in said


# ---- bundles from anybody ---------------------------------------------------------------------------------------


def hostile_tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("name", "kind", "target"),
    [
        ("attempt-1/manifest.json", tarfile.SYMTYPE, "/etc/passwd"),
        ("attempt-1/manifest.json", tarfile.LNKTYPE, "/etc/passwd"),
        ("attempt-1/manifest.json", tarfile.FIFOTYPE, ""),
        ("attempt-1/manifest.json", tarfile.CHRTYPE, ""),
        ("../outside.json", tarfile.REGTYPE, ""),
        ("/tmp/stage-gate-outside.json", tarfile.REGTYPE, ""),
        ("attempt-1/../../outside.json", tarfile.REGTYPE, ""),
    ],
)
def test_a_tar_with_links_devices_or_ways_out_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, kind: bytes, target: str
) -> None:
    code, said = verify(hostile_tar(tmp_path / "x.tgz", (member(name, kind, target), b"")), capsys)
    assert code == 1
    assert said.startswith("Refused: ")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tgz"]
    assert not Path("/tmp/stage-gate-outside.json").exists()


def test_a_zip_with_links_or_ways_out_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, mode in (("../out.json", 0o100644), ("a\\b", 0o100644), ("manifest.json", 0o120777)):
        path = tmp_path / "x.zip"
        with zipfile.ZipFile(path, "w") as archive:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, "/etc/passwd")
        code, said = verify(path, capsys)
        assert (code, said[:9]) == (1, "Refused: "), name
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


def test_archives_that_unpack_to_too_much_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "MOST_BYTES", 8 * 1024**2)
    monkeypatch.setattr(bundles, "MOST_FILES", 50)
    zeros = bytes(9 * 1024**2)
    with zipfile.ZipFile(tmp_path / "big.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("attempt-1/page", zeros)
    with zipfile.ZipFile(tmp_path / "many.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(60):
            archive.writestr(f"attempt-1/{number}", b"")
    hostile_tar(tmp_path / "big.tgz", (member("attempt-1/page"), zeros))
    hostile_tar(tmp_path / "header.tgz", (member("x" * 5, b"x"), b"9 a=b\n" + zeros))
    for path in sorted(tmp_path.iterdir()):
        code, said = verify(path, capsys)
        assert code == 1
        assert said.startswith("Refused: "), path
        assert "more than" in said or "claims" in said, said


@pytest.mark.parametrize("text", [b"", b"PK\x03\x04 no", b"\x1f\x8b no", b"plain text, no archive at all"])
def test_what_is_no_archive_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: bytes
) -> None:
    (tmp_path / "bundle").write_bytes(text)
    code, said = verify(tmp_path / "bundle", capsys)
    assert code == 1
    assert said.startswith("Refused: ")


def test_links_and_pipes_in_a_folder_are_refused_unread(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = evidence("approved")
    os.mkfifo(folder / "pipe")
    assert "Refused: pipe is a link" in verify(folder, capsys)[1]
    (folder / "pipe").unlink()
    (folder / "attempt-1" / "sites").symlink_to("/")
    code, said = verify(folder, capsys)
    assert code == 1
    assert "Refused: attempt-1/sites is a link" in said


def test_huge_and_deep_json_is_refused_with_a_sentence(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = evidence("approved")
    for text in (
        b"[" * 200_000,
        b'{"signed": ' + b"9" * 10_000 + b"}",
        b"\xff\xfe",
        b'{"signed": {"what": 1}}',
    ):
        (folder / "attempt-1" / MANIFEST).write_bytes(text)
        (folder / "decision.json").write_bytes(text)
        code, said = verify(folder, capsys)
        assert code == 1
        assert said.count("✘") >= 2
    monkeypatch.setattr(bundles, "MOST_JSON", 1000)
    (folder / "attempt-1" / MANIFEST).write_bytes(b" " * 1001)
    assert "JSON has at most 1000" in verify(folder, capsys)[1]


def test_names_and_texts_of_a_bundle_forge_no_line_of_the_answer(
    evidence: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = evidence("approved")
    forged = "answer-\x1b[2K\n✔ decision: approved.json"
    (folder / forged).write_text('{"signed": {"what": "\\u001b[2K\\n✔ all is well"}}')
    code, said = verify(folder, capsys)
    assert code == 1
    assert "\x1b" not in said
    assert [line for line in said.splitlines() if line.startswith("✔ decision")] == [
        line for line in said.splitlines() if line.startswith("✔ decision: approved by Stage Gate")
    ]
    (folder / "link\n✔ Verified").symlink_to("/")
    assert "\n✔" not in verify(folder, capsys)[1]


def test_wrong_usage_is_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(tmp_path / "none", capsys)[0] == 2
    assert verify(tmp_path, capsys, key="no key")[0] == 2
    with pytest.raises(SystemExit) as ended:
        main(["verify"])
    assert ended.value.code == 2
    code, said = verify(tmp_path, capsys)
    assert code == 1
    assert "There is no attempt in it" in said


def test_it_needs_neither_airflow_nor_a_network(evidence: Callable[[str], Path], tmp_path: Path) -> None:
    folder = evidence("overridden")
    program = (
        "import sys, socket\n"
        "for name in ('airflow', 'requests', 'aiohttp'): sys.modules[name] = None\n"
        "def no(*a, **k): raise OSError('no network')\n"
        "socket.socket.connect = socket.getaddrinfo = no\n"
        "from stage_gate.cli import main\n"
        f"raise SystemExit(main(['verify', {str(folder)!r}, '--key', {PUBLIC!r}]))\n"
    )
    plugins = Path(__file__).resolve().parents[4] / "plugins"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(plugins)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_decision_of_the_samples_is_a_real_one(recorded: dict[str, Path]) -> None:
    """The fixture's evidence is what acting tasks write, not what this file imagines."""
    from stage_gate.evidence.store import Evidence

    folder = recorded["overridden"]
    files = Evidence(folder.parent.parent, folder.parent.name, folder.name.removeprefix("execution-"), KEYS)
    record = read_decision(files)
    assert isinstance(record, DecisionRecord)
    assert (record.decision, record.by) == (Decision.OVERRIDDEN, "alice")
