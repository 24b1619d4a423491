"""K3: does production get a configuration of its own where stage has one?

AEM takes for each PID the one file whose folder names the most run modes, and merges nothing. A PID with a file for
stage and none for production was tested with values that production never sees. Read from the release's commit:
each PID, on author and on publish, with what stage and what production get; and where both have a file, the
properties that only stage's has.

It would have caught the placeholder that stays literally in place of a value (help/implementing/deploying/
configuring-osgi of Adobe's documentation): a configuration that was added under ``config.stage`` alone.

It does not see values that are wrong on purpose or by mistake. A PID that only stage needs, such as a mock of a
payment service, is a known false alarm: waive it, or list it under ``allow:``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

from aem_checks.check import Check
from aem_checks.checkout import CheckoutSettings, of_source, source
from aem_checks.codes import faults
from aem_checks.excuses import PATTERNS
from aem_checks.kinds.parity._osgi import FILES, TIERS, ConfigFile, by_pid, config_files, effective
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.visit import Visit


class RunModeConfigSettings(CheckoutSettings):
    """Which PIDs may be configured for stage alone."""

    allow: Annotated[tuple[str, ...], PATTERNS] = ()
    """PIDs that production needs no configuration of; ``*`` and ``?`` stand for any characters."""


class RunModeConfig(Check[RunModeConfigSettings]):
    """Compares what stage and production get, PID by PID."""

    kind = "run_mode_config"
    number = "K3"
    title = "Configurations for stage that production lacks"
    severity = Severity.WARN
    default_on = False
    needs = "a git checkout of the release"
    codes = faults(
        stage_only="stage has a configuration of its own and production none",
        properties="production's configuration lacks properties that stage's has",
        unreadable="a configuration can't be read",
        only_production="a note: configurations for production alone run there for the first time",
    )
    settings_type = RunModeConfigSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        return of_source(self.kind, self.settings, self._examine())

    def _examine(self) -> Steps[Judgement]:
        texts = (yield from source(*FILES)).texts
        files = config_files(texts)
        findings = []
        for pid, group in sorted(by_pid(files).items()):
            if not any(fnmatchcase(pid, pattern) for pattern in self.settings.allow):
                findings += _of_pid(pid, group, texts)
        findings += _never_tested(files)
        return Judgement(examined=len(files), findings=shortened(findings, severity=self.weight))


def _of_pid(pid: str, files: list[ConfigFile], texts: Mapping[str, str]) -> list[Finding]:
    """The findings of both tiers, each said once."""
    found: dict[str, Finding] = {}
    for tier in TIERS:
        stage, production = effective(files, tier, "stage"), effective(files, tier, "prod")
        if stage is None or "stage" not in stage.modes:
            continue
        if production is None or "prod" not in production.modes:
            found.setdefault(pid, _stage_only(pid, tier, stage, production))
        else:
            found |= {each.subject: each for each in _lost_properties(pid, stage, production, texts)}
    return list(found.values())


def _stage_only(pid: str, tier: str, stage: ConfigFile, production: ConfigFile | None) -> Finding:
    instead = f"the one of {quoted(production.path, 200)}" if production else "no configuration at all"
    return Finding(
        code="stage_only",
        subject=pid,
        sentence=f"{quoted(pid)} has a configuration for stage ({quoted(stage.path, 200)}) and none for production, "
        f"which gets {instead} on {tier}: what was tested here is not what runs there. To do: add the file for prod, "
        "or list the PID under 'allow:'.",
        expected=f"a file for prod beside {stage.path}",
        actual=f"production gets {production.path if production else 'none'}",
    )


def _lost_properties(
    pid: str, stage: ConfigFile, production: ConfigFile, texts: Mapping[str, str]
) -> Iterator[Finding]:
    here, there = _properties(stage, texts), _properties(production, texts)
    if here is None or there is None:
        broken = stage if here is None else production
        yield Finding(
            code="unreadable",
            subject=f"{pid} unreadable",
            sentence=f"{quoted(broken.path, 200)} is no JSON object, so that AEM cannot read it either. To do: "
            "correct the file.",
        )
        return
    lost = sorted(here - there)
    if lost:
        names = ", ".join(quoted(name) for name in lost[:5])
        yield Finding(
            code="properties",
            subject=f"{pid} properties",
            sentence=f"{quoted(pid)} sets {names} for stage but not for production, and AEM merges no files: the "
            f"default holds there. To do: add {count(len(lost), 'property', 'properties')} to "
            f"{quoted(production.path, 200)}.",
            expected=f"{', '.join(lost)[:200]} in {production.path}",
            actual="not there",
        )


def _properties(file: ConfigFile, texts: Mapping[str, str]) -> frozenset[str] | None:
    """Names of the properties of a ``.cfg.json``; none are known of the older formats."""
    if not file.path.endswith(".cfg.json"):
        return frozenset()
    try:
        value = json.loads(_without_comments(texts[file.path]))
    except (ValueError, RecursionError):
        return None
    return frozenset(name.partition(":")[0] for name in value) if isinstance(value, dict) else None


def _without_comments(text: str) -> str:
    """Felix lets a line begin with ``//``."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//"))


def _never_tested(files: list[ConfigFile]) -> Iterator[Finding]:
    """What no test on stage can reach: it is named, not judged."""
    pids = sorted({file.pid for file in files if "prod" in file.modes})
    if pids:
        yield Finding(
            code="only_production",
            subject="only for production",
            sentence=f"{count(len(pids), 'PID')} with files for production alone run there for the first time, such as "
            f"{', '.join(quoted(pid) for pid in pids[:3])}: stage cannot test their values.",
            outcome=Outcome.PASSED,
        )
