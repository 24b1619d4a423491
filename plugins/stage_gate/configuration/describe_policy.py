"""When may production be approved, and what is excused for now, in words? Part of the Docs tab."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aem_checks.durations import format_duration
from aem_checks.excuses import Overlooked
from aem_checks.outcomes import Outcome
from stage_gate.configuration.excusing import excusing_settings
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.policy import ExcuseSettings, Flakes, PolicySettings, WaiverSettings
from stage_gate.configuration.windows import Windows

_COUNTS = {
    Outcome.PASSED: "counts as passed",
    Outcome.INCONCLUSIVE: "counts as inconclusive",
    Outcome.FAILED: "counts as failed",
}


def describe_windows(policy: PolicySettings) -> str:
    """When production may be approved, how old a verdict may be, and who may release outside the windows."""
    age = f"A verdict older than {format_duration(policy.evidence_lives)} approves nothing: stage is tested again."
    if policy.windows is None:
        return f"## When\n\nProduction may be approved at any time. {age}"
    windows = policy.windows
    lines = [f"- open: {_open(windows)}, time zone {code(windows.timezone)}"]
    lines += [f"- frozen {each.span}: {plain_text(each.why)}" for each in windows.frozen]
    if windows.calendar is not None:
        lines.append(
            f"- frozen during each event of {code(windows.calendar)}, read just before an approval; "
            "while that file can't be read, production is closed"
        )
    lines.append(_hotfix(windows))
    return "\n".join(["## When", "", f"Outside these windows a passed release waits. {age}", "", *lines])


def _open(windows: Windows) -> str:
    return ", ".join(code(hours) for hours in windows.open) if windows.open else "around the clock"


def _hotfix(windows: Windows) -> str:
    if windows.hotfix is None:
        return "- hotfix: nobody can release outside the windows"
    people = ", ".join(code(user) for user in windows.hotfix.ask)
    within = format_duration(windows.hotfix.within)
    return (
        f"- hotfix: {people} may release outside the windows, with a reason and a passed verdict; "
        f"asked for {within}, after that the release waits"
    )


def describe_excuses(gate: Gate, minimum: Iterable[str] = ()) -> str:
    """Flakes, quarantine and waivers with owner and expiry, settings that overlook something, and what nobody can drop."""
    policy = gate.policy
    lines = [_flakes(policy.flakes)]
    lines += [f"- quarantine: {_excused(each)}; until then it is reported and does not block"
              for each in policy.quarantine]  # fmt: skip
    lines += [_waiver(each) for each in policy.waivers]
    if not policy.quarantine and not policy.waivers:
        lines.append("- no check is in quarantine, and no finding is waived")
    lines += [_setting(place, each) for place, each in excusing_settings(gate).items()]
    lines.append(_minimum(tuple(minimum)))
    return "\n".join(["## What is excused", "", *lines])


def _waiver(waiver: WaiverSettings) -> str:
    if not waiver.code:
        return f"- waiver about {code(waiver.subject)} of {_excused(waiver)}; it names no code, so it waives nothing"
    return (
        f"- waiver: findings {code(waiver.code)} about {code(waiver.subject)} of {_excused(waiver)}; until then they are "
        "accepted and shown in every report"
    )


def _setting(place: str, overlooked: Overlooked) -> str:
    everything = ", which overlooks everything that it can, or nearly" if overlooked.everything else ""
    return f"- setting: {code(place)} is {code(overlooked.shown or 'empty')}{everything}"


def _flakes(flakes: Flakes) -> str:
    if flakes.reruns == 0:
        return "- flakes: no check is run again; its first answer stands"
    often = (
        f"; one that was flaky in {flakes.quarantine_after} of the last {flakes.of_last} releases is named with a "
        "quarantine to propose"
        if flakes.quarantine_after
        else ""
    )
    return (
        f"- flakes: a release has {flakes.reruns} re-run{'s' if flakes.reruns != 1 else ''}, all checks together; "
        f"a check that passes only on a re-run is reported as flaky and {_COUNTS[flakes.count_as]}{often}"
    )


def _excused(excused: ExcuseSettings) -> str:
    return (
        f"{code(excused.check)} until {excused.until} (UTC, that day included), "
        f"owner {plain_text(excused.owner)}: {plain_text(excused.why)}"
    )


def _minimum(kinds: Sequence[str]) -> str:
    if not kinds:
        return "- this deployment sets no minimum of blocking checks"
    named = ", ".join(code(kind) for kind in kinds)
    return (
        f"- in every gate of this deployment these checks block, and no gate can drop or waive them: {named}"
    )


def code(text: str | None) -> str:
    """Inline code that its content can't leave, whatever the content is."""
    safe = " ".join(str(text).split()).replace("`", "'").replace("|", "\\|")
    return f"`{safe}`"


def plain_text(text: str) -> str:
    """One line of text in which nothing is Markdown or HTML, whatever somebody wrote."""
    line = " ".join(text.split())
    return "".join(f"&#{ord(char)};" if char in "\\`*_{}[]()<>#|&~!:" else char for char in line)
