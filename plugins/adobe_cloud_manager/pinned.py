"""Which execution is meant? Its three ids, checked, with its paths in the API and in Cloud Manager's UI."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from adobe_cloud_manager.models import Execution

UI = "https://experience.adobe.com/#/"
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True, slots=True)
class PinnedExecution:
    """One execution of one pipeline of one program. Whatever runs there besides is somebody else's."""

    program_id: str
    pipeline_id: str
    execution_id: str

    @classmethod
    def of(cls, program_id: object, pipeline_id: object, execution_id: object) -> PinnedExecution:
        """The execution with these ids, which come out of templates and may be anything.

        Raises ``ValueError`` where one of them is not an id: ``None`` and the empty string are what a
        template makes of a missing XCom.
        """
        ids = {"program": program_id, "pipeline": pipeline_id, "execution": execution_id}
        for what, value in ids.items():
            if value in (None, "", "None") or not _ID.fullmatch(str(value)):
                raise ValueError(
                    f"{str(value)[:100]!r} is not the id of a {what}; did the task that hands it on succeed?"
                )
        return cls(str(program_id), str(pipeline_id), str(execution_id))

    def __str__(self) -> str:
        """The three ids in words."""
        return f"execution {self.execution_id} of pipeline {self.pipeline_id} in program {self.program_id}"

    @property
    def path(self) -> str:
        """The execution's resource, relative to the API's base."""
        return f"/api/program/{self.program_id}/pipeline/{self.pipeline_id}/execution/{self.execution_id}"

    def ui_link(self, tenant: str = "") -> str:
        """The execution's page in Cloud Manager's UI; without the tenant's short name the UI asks for it."""
        at = f"@{quote(tenant, safe='')}/" if tenant else ""
        return f"{UI}{at}cloud-manager/pipelineexecution.html{self.path.removeprefix('/api')}"

    def disowns(self, execution: Execution) -> str | None:
        """Why this is not the pinned execution, as a sentence; ``None`` where it is."""
        told = (execution.program_id, execution.pipeline_id, execution.id)
        wanted = (self.program_id, self.pipeline_id, self.execution_id)
        if all(a in ("", b) for a, b in zip(told, wanted, strict=True)):
            return None
        return (
            f"Cloud Manager answered with execution {told[2]} of pipeline {told[1]} in program {told[0]} "
            f"instead of {self}; is the execution's id one of this pipeline?"
        )

    def owns_link(self, link: str, verb: str) -> bool:
        """Whether a step's link leads to ``verb`` (advance, cancel) of a step of exactly this execution."""
        step = rf"{re.escape(self.path)}/phase/[0-9A-Za-z_-]+/step/[0-9A-Za-z_-]+/{re.escape(verb)}"
        parts = urlsplit(link)
        return bool(re.fullmatch(step, parts.path)) and not parts.query and not parts.fragment
