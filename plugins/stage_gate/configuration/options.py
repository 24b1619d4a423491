"""Which options does a deployment set? Section ``[stage_gate]`` of Airflow's configuration, as Airflow lists it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SECTION = "stage_gate"


@dataclass(frozen=True)
class Option:
    """One option of the section; the environment variable is ``AIRFLOW__STAGE_GATE__<NAME>``."""

    name: str
    meaning: str
    """One sentence or two, as Airflow shows it."""
    default: str = ""
    """What holds where it is absent; empty where that is said in ``meaning``."""
    kind: str = "string"
    """As ``provider_info.schema.json`` calls it: ``string``, ``integer``, ``boolean``."""
    example: str | None = None
    sensitive: bool = False
    """Whether it may hold a password: Airflow masks it, and takes it from a secrets backend too."""

    def as_provider_option(self, version: str) -> dict[str, Any]:
        """As ``get_provider_info`` gives it to Airflow."""
        return {
            "description": f"{self.meaning}\n",
            "version_added": version,
            "type": self.kind,
            "example": self.example,
            "default": self.default,
            "sensitive": self.sensitive,
        }


OPTIONS = (
    Option("gates_folder", "Folder of the gate files; the folder gates beside the Dags where absent."),
    Option(
        "evidence",
        "Folder or URL of the evidence; the folder evidence in Airflow's home where absent. A gate that guards needs a "
        "local folder, or s3, gs or abfs, that is seen to create a file only if it is absent.",
        example="s3://evidence@bucket/stage-gate",
    ),
    Option(
        "evidence_url",
        "Another address of the evidence pages, on a host for which no browser has Airflow's cookie.",
        example="https://evidence.example/stage-gate/evidence",
    ),
    Option(
        "deciding_queue",
        "Queue of the tasks that sign and decide; Airflow's default queue where absent.",
        example="deciding",
    ),
    Option(
        "freezes",
        "An iCalendar file on the workers whose events close every gate, beside its own windows.",
        example="/opt/airflow/dags/freezes.ics",
    ),
    Option(
        "limits",
        "URL of a Redis in which all machines keep one rate for each host; each machine has its own where absent.",
        example="redis://:password@redis:6379/1",
        sensitive=True,
    ),
    Option("trusted_keys", "Public keys whose signatures are believed, comma-separated."),
    Option(
        "minimum_checks",
        "Kinds of checks that no gate file can drop, comma-separated.",
        example="key_pages, real_404",
    ),
    Option(
        "minimum_facts",
        "Facts about stage that no gate file can accept unread, comma-separated, or all.",
        example="all",
    ),
    Option(
        "require_isolation",
        "Whether no gate file can accept that a team's own code runs un-isolated.",
        default="False",
        kind="boolean",
    ),
    Option(
        "site_connections",
        "The only connections that gate files can open sites with, as names or patterns, comma-separated; any of type HTTP "
        "or Generic where absent.",
        example="wknd_*, basket",
    ),
    Option("start_every", "How often stage_gate.start looks without any event; 10s or more.", default="5m"),
    Option(
        "webhook",
        "Whether the API server takes deliveries of Adobe I/O Events.",
        default="False",
        kind="boolean",
    ),
    Option(
        "event_registrations",
        "Registrations of Adobe I/O Events whose deliveries are taken, as name=client id, comma-separated.",
        example="cm=0123456789abcdef",
    ),
    Option(
        "event_hmac",
        "Connections with the HMAC secrets of registrations that sign so, as name=connection, comma-separated.",
    ),
    Option(
        "event_rate",
        "Deliveries that are stored in a second, for each registration and API server process; 1 to 10000.",
        default="50",
        kind="integer",
    ),
    Option(
        "journals",
        "Journals of Adobe I/O Events that are read, as connection=URL, comma-separated.",
        example="adobe_io=https://events-va6.adobe.io/events/organizations/1/integrations/2/3",
    ),
)
