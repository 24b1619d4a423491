"""How does a team's own check run so that it reaches nothing of the gate, and how much of its answer is believed?

It runs in a process of its own (``aem_checks.inside``), as the user that the deployment names for it
(``aem_checks.code_user``), with declared variables only, without credentials and without a network: what it wants to
know it asks over a line (``aem_checks.crossing``), and this side asks the site, as for any check. It says what it found.
Which check that was, for which site, how grave it is and what that amounts to is said here, from the plan, so there is
nothing to forge but the findings themselves. Those are read strictly: anything unusual is inconclusive. Settings travel
as JSON, so a team's settings must be readable from what they are written as; the limits of time and size are the
check's and ``reports``'.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from aem_checks.asking import NoQuestion
from aem_checks.code_user import CodeUser, CodeUserError, code_user, give, inherited, own_folders, take_back
from aem_checks.house import House
from aem_checks.inside import ANSWER, FILES, TOLD, Request
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome
from aem_checks.text import count, plain

if TYPE_CHECKING:
    from aem_checks.check import Check
    from aem_checks.commands import CommandResult
    from aem_checks.means import Means
    from aem_checks.recording import Recording

MAX_ANSWER_BYTES = 4 * 1024 * 1024
MAX_FINDINGS = 2000
_START = "import sys; sys.path[:0] = sys.argv[2:]; from aem_checks.inside import main, Path; main(Path(sys.argv[1]))"


class _Unbelievable(Exception):
    """What came back is no answer; the message continues ``The check …``."""


async def run_isolated(check: Check[Any], module: Path, key: str, means: Means) -> Judgement:
    """Run a team's check, kept in the file ``module``, and return what it found.

    Its output and files go into the evidence, below ``own/<key>``. A question that is none, and an answer that is
    missing, damaged, too large or points out of its folder, is inconclusive. Raises ``AccessError`` and what the evidence
    raises.
    """
    try:
        user = code_user()
    except CodeUserError as error:
        return _no_answer(key, f"was not run: {error}")
    with own_folders("check-", ("HOME", "TMPDIR", "answer"), user) as folders:
        return await _Isolated(check, means, key, folders, user).run(module)


@dataclass(frozen=True)
class _Isolated:
    """One run of a team's check in a folder of its own."""

    check: Check[Any]
    means: Means
    key: str
    folders: Mapping[str, Path]
    user: CodeUser | None

    async def run(self, module: Path) -> Judgement:
        recording = self.means.recording
        if self.check.reads_recording and recording is None:
            return _no_answer(self.key, "has no recording to judge. To do: record the pages first")
        secrets = await asyncio.to_thread(self._secrets)
        if recording is not None:
            await asyncio.to_thread(recording.save, self._work / "recording")
            give(self._work / "recording", self.user)
        ours, theirs = socket.socketpair()
        asking = asyncio.create_task(self._answer(ours, module))
        running = asyncio.create_task(self._run(module, theirs))
        try:
            await asyncio.wait({asking, running}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done() and (error := asking.exception()) is not None:
                return await self._broken_off(error, running)
            result = await running
        finally:
            for task in (asking, running):
                task.cancel()
            await asyncio.gather(asking, running, return_exceptions=True)
        return await asyncio.to_thread(self._believe, result, secrets)

    @property
    def _work(self) -> Path:
        return self.folders["answer"].parent

    async def _run(self, module: Path, line: socket.socket) -> CommandResult:
        from aem_checks.commands import run_command

        return await run_command(
            f"exec {shlex.join([sys.executable, '-I', '-B', '-c', _START, str(self._work), *_paths()])}",
            folder=module.parent,
            environment={**inherited(), **{name: str(self.folders[name]) for name in ("HOME", "TMPDIR")}},
            within=self.check.settings.within,
            user=self.user,
            line=line,
        )

    async def _answer(self, line: socket.socket, module: Path) -> None:
        """Tell what is to be done, then whatever is asked. Raises ``NoQuestion``."""
        from aem_checks.browser.sharing import seated
        from aem_checks.crossing import LENGTH, Answers, answer_across

        answers = Answers(self._work / TOLD, self.user)
        reader, writer = await asyncio.open_connection(sock=line)
        try:
            request = self._request(module).model_dump_json().encode()
            writer.write(LENGTH.pack(len(request)) + request)
            async with House.of_team(self.check, self.means) as house, seated(self.means) as opens:
                hear = self.means.told.hear
                await answer_across(reader, writer, self.means.client, house, answers, hear, opens)
        finally:
            writer.close()

    async def _broken_off(self, error: BaseException, running: asyncio.Task[CommandResult]) -> Judgement:
        """A check that asks nonsense is ended."""
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if not isinstance(error, NoQuestion):
            raise error
        return _no_answer(self.key, f"was ended: {error}")

    def _secrets(self) -> tuple[str, ...]:
        """What opens the site: it is not given to the check, and blanked in what comes from there."""
        site = self.means.site
        names = sorted({each.access for each in site.endpoints if each.access})
        texts = {text for name in names for text in self.means.resolver(name).secrets}
        return tuple(sorted(texts, key=len, reverse=True))

    def _request(self, module: Path) -> Request:
        recording = self.means.recording
        return Request(
            module=module,
            settings=self.check.settings.model_dump(mode="json"),
            site=self.means.site,
            target=self.means.target,
            recording=None if recording is None else recording.name,
        )

    def _believe(self, result: CommandResult, secrets: tuple[str, ...]) -> Judgement:
        place = self.means.free_place(f"own/{self.key}")
        printed = _blanked(result.output, secrets)
        output = self.means.keep(f"{place}/output.txt", printed)
        try:
            _require_good_end(result, printed)
            take_back(self.folders["answer"], self.user)
            judgement, files = _read(self.folders["answer"], secrets)
            judgement = _located(judgement, place, frozenset(files), self.means.recording)
        except _Unbelievable as error:
            return _no_answer(self.key, str(error), output)
        for name, content in files.items():
            self.means.keep(f"{place}/{name}", content)
        return judgement


def _paths() -> list[str]:
    """Where modules are looked for, the same as here."""
    return [str(Path(__file__).parents[1]), *(os.path.abspath(path) for path in sys.path if path)]


def _require_good_end(result: CommandResult, printed: bytes) -> None:
    if result.problem:
        raise _Unbelievable(f"was not started: {result.problem}")
    if result.survivors:
        raise _Unbelievable(f"left processes that can't be ended: {', '.join(result.survivors)}")
    if result.timed_out:
        raise _Unbelievable("did not end in time and was ended")
    if result.exit_code != 0:
        last = plain(printed.decode(errors="replace").strip().rpartition("\n")[2], 300)
        raise _Unbelievable(f"broke off (exit code {result.exit_code}){': ' if last else ''}{last}")


def _read(folder: Path, secrets: tuple[str, ...]) -> tuple[Judgement, dict[str, bytes]]:
    """The judgement, and the files that it left as evidence by their name."""
    from aem_checks.reports import LeftOut, collect

    files: dict[str, bytes] = {}
    answer = None
    for each in collect(folder, secrets):
        if isinstance(each, LeftOut):
            raise _Unbelievable(f"left {each.name!r}, which is not taken over: {each.why}")
        if each.name == ANSWER:
            answer = each.content
        elif each.name.startswith(f"{FILES}/"):
            files[each.name.removeprefix(f"{FILES}/")] = each.content
        else:
            raise _Unbelievable(f"left {each.name!r} where nothing is expected")
    if answer is None or len(answer) > MAX_ANSWER_BYTES:
        size = "no judgement" if answer is None else f"a judgement of {len(answer)} bytes"
        raise _Unbelievable(f"left {size}; up to {MAX_ANSWER_BYTES} bytes are read")
    return _parse(answer), files


def _parse(answer: bytes) -> Judgement:
    try:
        judgement = Judgement.model_validate_json(answer, strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "it"
        raise _Unbelievable(f"left a judgement that is none: {place}: {first['msg']}") from None
    if len(judgement.findings) > MAX_FINDINGS:
        raise _Unbelievable(f"has {count(len(judgement.findings), 'finding')}; up to {MAX_FINDINGS} are read")
    return judgement


def _located(
    judgement: Judgement, place: str, files: frozenset[str], recording: Recording | None
) -> Judgement:
    """The same findings, with evidence that is named as it is kept: below ``place``, or in the recording."""
    from aem_checks.reports import safe_name

    recorded = set() if recording is None else {recording.evidence(each) for each in recording.responses}
    if recording is not None:
        recorded.add(f"{recording.name}/index.json")
    findings = []
    for finding in judgement.findings:
        if finding.evidence and finding.evidence not in recorded:
            name = safe_name(PurePosixPath(finding.evidence))
            if name not in files:
                raise _Unbelievable(f"names evidence that it did not leave: {finding.evidence[:200]!r}")
            path = f"{place}/{name}"
            finding = finding.model_copy(update={"evidence": path})
        findings.append(finding)
    return judgement.model_copy(update={"findings": tuple(findings)})


def _blanked(content: bytes, secrets: tuple[str, ...]) -> bytes:
    for secret in secrets:
        content = content.replace(secret.encode(), b"*" * len(secret))
    return content


def _no_answer(key: str, what: str, output: str = "") -> Judgement:
    finding = Finding(
        code="check_error",
        subject=key,
        sentence=f"The team's own check {key} {what.rstrip('.')}. To do: see its output, or run it by hand.",
        expected="a judgement",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
        evidence=output,
    )
    return Judgement(examined=0, findings=(finding,))
