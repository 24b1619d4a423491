"""How does a team's own check run so that it reaches nothing of the gate, and how much of its answer is believed?

It runs in a process of its own (``aem_checks.inside``), as the user that the deployment names for it
(``aem_checks.code_user``), with declared variables only, and is given the credentials that its site names; a
check of pages is given none. It says what it found. Which check that was, for which site, how grave it is and
what that amounts to is said here, from the plan, so there is nothing to forge but the findings themselves.
Those are read strictly: anything unusual is inconclusive. Settings travel as JSON, so a team's settings must
be readable from what they are written as; the limits of time and size are the check's and ``reports``'.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from aem_checks.access import NO_ACCESS, Access
from aem_checks.check import Check, PageCheck
from aem_checks.code_user import CodeUser, CodeUserError, code_user, give, inherited, own_folders, take_back
from aem_checks.inside import ANSWER, FILES, GivenAccess, Request
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome
from aem_checks.text import count, plain

if TYPE_CHECKING:
    from aem_checks.commands import CommandResult
    from aem_checks.recording import Recording
    from aem_checks.visit import Visit

MAX_ANSWER_BYTES = 4 * 1024 * 1024
MAX_FINDINGS = 2000
_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables, in either case, that decide how a site is reached from here."""
_START = "import sys; sys.path[:0] = sys.argv[2:]; from aem_checks.inside import main, Path; main(Path(sys.argv[1]))"


class _Unbelievable(Exception):
    """What came back is no answer; the message continues ``The check …``."""


async def run_isolated(check: Check[Any], visit: Visit, module: Path, key: str) -> Judgement:
    """Run a team's check, kept in the file ``module``, and return what it found.

    Its output and files go into the evidence, below ``own/<key>``. An answer that is missing, damaged, too
    large or points out of its folder is inconclusive. Raises ``AccessError`` and what the evidence raises.
    """
    try:
        user = code_user()
    except CodeUserError as error:
        return _no_answer(key, f"was not run: {error}")
    with own_folders("check-", ("HOME", "TMPDIR", "answer"), user) as folders:
        return await _Isolated(check, visit, key, folders, user).run(module)


@dataclass(frozen=True)
class _Isolated:
    """One run of a team's check in a folder of its own."""

    check: Check[Any]
    visit: Visit
    key: str
    folders: Mapping[str, Path]
    user: CodeUser | None

    async def run(self, module: Path) -> Judgement:
        from aem_checks.commands import run_command

        recording = self.visit.recording
        if isinstance(self.check, PageCheck) and recording is None:
            return _no_answer(self.key, "has no recording to judge. To do: record the pages first")
        accesses = await asyncio.to_thread(self._accesses)
        request = self._request(module, recording, accesses)
        work = self.folders["answer"].parent
        if recording is not None:
            await asyncio.to_thread(recording.save, work / "recording")
            give(work / "recording", self.user)
        result = await run_command(
            f"exec {shlex.join([sys.executable, '-I', '-B', '-c', _START, str(work), *_paths()])}",
            folder=module.parent,
            environment={**inherited(), **_network(), **self._own_variables()},
            within=self.check.settings.within,
            user=self.user,
            given=request.model_dump_json().encode(),
        )
        secrets = _secrets(accesses.values())
        return await asyncio.to_thread(self._believe, result, secrets)

    def _accesses(self) -> dict[str, Access]:
        """What the site's connections hold; a judgement on recorded pages needs none."""
        site = self.visit.site
        if isinstance(self.check, PageCheck):
            return {}
        names = {each.access for each in site.endpoints if each.access}
        return {name: self.visit.resolver(name) for name in sorted(names)}

    def _request(self, module: Path, recording: Recording | None, accesses: Mapping[str, Access]) -> Request:
        own = NO_ACCESS if isinstance(self.check, PageCheck) else self.visit.access
        return Request(
            module=module,
            settings=self.check.settings.model_dump(mode="json"),
            site=self.visit.site,
            target=self.visit.target,
            facts=dict(self.visit.facts),
            access=GivenAccess.of(own),
            accesses={name: GivenAccess.of(access) for name, access in accesses.items()},
            recording=None if recording is None else recording.name,
            rate_folder=self.visit.client.rate_limit.folder,
        )

    def _own_variables(self) -> dict[str, str]:
        return {name: str(self.folders[name]) for name in ("HOME", "TMPDIR")}

    def _believe(self, result: CommandResult, secrets: tuple[str, ...]) -> Judgement:
        place = self.visit.free_place(f"own/{self.key}")
        printed = _blanked(result.output, secrets)
        output = self.visit.keep(f"{place}/output.txt", printed)
        try:
            _require_good_end(result, printed)
            take_back(self.folders["answer"], self.user)
            judgement, files = _read(self.folders["answer"], secrets)
            judgement = _located(judgement, place, frozenset(files), self.visit.recording)
        except _Unbelievable as error:
            return _no_answer(self.key, str(error), output)
        for name, content in files.items():
            self.visit.keep(f"{place}/{name}", content)
        return judgement


def _paths() -> list[str]:
    """Where modules are looked for, the same as here."""
    return [str(Path(__file__).parents[1]), *(os.path.abspath(path) for path in sys.path if path)]


def _network() -> dict[str, str]:
    names = (*_NETWORK, *(name.lower() for name in _NETWORK))
    return {name: os.environ[name] for name in names if name in os.environ}


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


def _secrets(accesses: Any) -> tuple[str, ...]:
    return tuple(sorted({text for access in accesses for text in access.secrets}, key=len, reverse=True))


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
