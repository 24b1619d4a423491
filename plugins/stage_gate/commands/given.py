"""Which store and which gate files does somebody mean who types a command?"""

from __future__ import annotations

from pathlib import Path

GATES_FOLDER = Path("dags/gates")


def store_given(given: str | None) -> Path:
    """The evidence store as given, else the configured one; a local folder is never made here.

    Raises ``ValueError`` where there is no such folder.
    """
    if given is None:
        from stage_gate.configuration.settings import evidence_store

        return evidence_store()
    if "://" in given and not given.startswith("file://"):
        from stage_gate.evidence.files import open_store

        return open_store(given)
    store = Path(given.removeprefix("file://")).expanduser()
    if not store.is_dir():
        raise ValueError(f"there is no evidence store {store}")
    return store


def gates_folder(given: Path | None) -> Path:
    """The folder of gate files: as given, else the one below here, else the one of Airflow's configuration."""
    if given is not None:
        return given
    if GATES_FOLDER.is_dir():
        return GATES_FOLDER
    from stage_gate.configuration.settings import gates_folder as configured

    return configured()


def gate_file(gate: str, folder: Path | None) -> Path:
    """The file of a gate that is given by its name or its path."""
    if "/" in gate or gate.endswith((".yaml", ".yml")):
        return Path(gate)
    found = gates_folder(folder)
    other = found / f"{gate}.yml"
    return other if other.exists() else found / f"{gate}.yaml"
