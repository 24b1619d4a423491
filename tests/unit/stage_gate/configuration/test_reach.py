"""Which connections can a gate file name to open a site, and which are refused when it is read?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stage_gate.configuration.gate_file import GateFileError, gate_from_content, load_gate, load_gate_for_run
from stage_gate.configuration.reach import Reach, refusal_to_tell, uses_of

DECIDING = """\
pipeline: {program: "12345", pipeline: "678901", connection: cm_reading, deciding_connection: cm_deciding}
notify:
  slack: {connection: slack_releases, channel: "#releases"}
"""
OTHER = """\
pipeline:
  program: "12345"
  pipeline: "678902"
  connection: cm_reading_2
  source: {pipeline: "678903", start: true, connection: cm_starting}
notify:
  email: {connection: mail, to: [oncall@example.com]}
  pagerduty: {connection: pager}
sites: []
"""
"""Another gate of the folder; its file is wrong, and correcting it would let it act."""
PLAIN = "sites:\n  - stage: https://stage.example.com\n    pages: [/]\n"


def stage(name: str) -> str:
    return f"sites:\n  - stage: {{url: 'https://stage.example.com', access: {name}}}\n    pages: [/]\n"


@pytest.fixture
def gates(tmp_path: Path) -> Path:
    folder = tmp_path / "gates"
    folder.mkdir()
    (folder / "other.yaml").write_text(OTHER)
    (folder / "suite").mkdir()
    return folder


def gate_file(folder: Path, text: str) -> Path:
    path = folder / "wknd.yaml"
    path.write_text(DECIDING + text)
    return path


def mistake_in(folder: Path, text: str) -> GateFileError:
    with pytest.raises(GateFileError) as caught:
        load_gate(gate_file(folder, text))
    return caught.value


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("cm_deciding", "pipeline.deciding_connection in wknd.yaml"),
        ("cm_reading", "pipeline.connection in wknd.yaml"),
        ("slack_releases", "notify.slack.connection in wknd.yaml"),
        ("cm_reading_2", "pipeline.connection in other.yaml"),
        ("cm_starting", "pipeline.source.connection in other.yaml"),
        ("mail", "notify.email.connection in other.yaml"),
        ("pager", "notify.pagerduty.connection in other.yaml"),
        ("cloud_manager_default", "pipeline.connection where a gate names none"),
        ("stage_gate_signing", "the signing key"),
        ("adobe_io", "[stage_gate] journals"),
        ("hmac_of_ours", "[stage_gate] event_hmac"),
        ("evidence_bucket", "[stage_gate] evidence"),
        ("remote_logs", "Airflow's remote logs"),
        ("dags_repository", "the bundles of Dags"),
    ],
)
@pytest.mark.parametrize("spelt", [str, str.upper])
def test_a_connection_that_is_used_for_something_else_opens_no_site(
    gates: Path, monkeypatch: pytest.MonkeyPatch, name: str, use: str, spelt: type[str]
) -> None:
    """In capitals too: ``AIRFLOW_CONN_CM_DECIDING`` is found by either name."""
    bundles = [{"name": "ours", "classpath": "x", "kwargs": {"git_conn_id": "dags_repository"}}]
    for option, value in {
        "STAGE_GATE__JOURNALS": "adobe_io=https://events-va6.adobe.io/events/organizations/1/integrations/2/3",
        "STAGE_GATE__EVENT_HMAC": "main = hmac_of_ours",
        "STAGE_GATE__EVIDENCE": "s3://evidence_bucket@bucket/folder",
        "LOGGING__REMOTE_LOG_CONN_ID": "remote_logs",
        "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
    }.items():
        monkeypatch.setenv(f"AIRFLOW__{option}", value)
    error = mistake_in(gates, stage(spelt(name)))
    assert error.line == 5
    assert str(error).startswith(
        f"{gates / 'wknd.yaml'}:5: sites number 1.stage.access names the connection "
    )
    assert f"{spelt(name)!r}, and it is that of {use}." in str(error)
    assert error.remedy == "Give it a connection of its own, of type HTTP or Generic."


@pytest.mark.parametrize(
    ("text", "line", "where"),
    [
        (
            "sites:\n  - stage: https://s.example\n    pages: [/]\n"
            "    production: {url: https://p.example, access: cm_deciding}\n",
            7,
            "sites number 1.production.access",
        ),
        (
            "sites:\n  - stage: https://s.example\n    pages: [/]\n    author: {url: https://a.example, access: cm_deciding}\n",
            7,
            "sites number 1.author.access",
        ),
        (
            PLAIN
            + "checks:\n  suites:\n    - {name: a, folder: suite, run: 'true'}\n    - name: b\n      folder: suite\n"
            "      run: 'true'\n      author: cm_deciding\n",
            13,
            "checks.suites number 2.author",
        ),
        (
            PLAIN + "checks:\n  suites: [{name: a, folder: suite, run: 'true', publish: cm_deciding}]\n",
            8,
            "checks.suites number 1.publish",
        ),
        (
            PLAIN
            + "checks:\n  dispatcher_config:\n    checkout: {repository: https://git.example/x.git, access: cm_deciding}\n",
            9,
            "checks.dispatcher_config.checkout.access",
        ),
        (
            PLAIN
            + "checks:\n  domains:\n    domains:\n      - {url: https://x.example, access: cm_deciding}\n",
            10,
            "checks.domains.domains number 1.access",
        ),
    ],
)
def test_every_place_of_a_gate_file_that_names_a_connection_is_looked_at(
    gates: Path, text: str, line: int, where: str
) -> None:
    error = mistake_in(gates, text)
    assert (error.line, str(error).partition(": ")[2].startswith(where)) == (line, True), str(error)


@pytest.mark.parametrize("name", ["cm_decıding", "../cm_deciding", "cm deciding", ""])
@pytest.mark.parametrize("field", ["author", "publish"])
def test_a_suite_names_a_connection_by_letters_that_stay_what_they_are(
    gates: Path, field: str, name: str
) -> None:
    """``ı`` in capitals is ``I``, so that Airflow would find ``AIRFLOW_CONN_CM_DECIDING`` by it."""
    suite = f"checks:\n  suites: [{{name: a, folder: suite, run: 'true', {field}: '{name}'}}]\n"
    error = mistake_in(gates, PLAIN + suite)
    assert f"checks.suites number 1.{field}: {name!r} is no id of an Airflow connection" in str(error)


@pytest.mark.parametrize(
    ("channel", "where"),
    [
        ("slack: {connection: cm_deciding, channel: x}", "pipeline.deciding_connection"),
        ("email: {connection: cm_deciding, to: [a@example.com]}", "pipeline.deciding_connection"),
        ("pagerduty: {connection: stage_gate_signing}", "the signing key"),
        ("slack: {connection: cm_starting, channel: x}", "pipeline.source.connection in other.yaml"),
    ],
)
def test_nobody_is_told_by_a_connection_that_is_used_for_something_else(
    gates: Path, channel: str, where: str
) -> None:
    """Slack, say, would be sent the deciding secret as its token."""
    path = gates / "wknd.yaml"
    path.write_text(f"{DECIDING.partition('notify')[0]}notify:\n  {channel}\n{PLAIN}")
    with pytest.raises(GateFileError, match=f"names the connection .*, and it is that of {where}") as caught:
        load_gate(path)
    assert caught.value.line == 3


def test_two_gates_may_tell_people_by_one_connection(gates: Path) -> None:
    path = gates / "wknd.yaml"
    path.write_text(DECIDING.replace("slack_releases", "pager") + PLAIN)
    assert load_gate(path).settings.notify.slack is not None
    uses = uses_of(gates, {})
    assert refusal_to_tell(uses, "pager") is None


def test_what_decides_is_not_hidden_by_a_gate_that_tells_people_by_it(gates: Path) -> None:
    (gates / "a.yaml").write_text("notify: {slack: {connection: cm_deciding, channel: x}}\n")
    gate_file(gates, PLAIN)
    (gates / "z.yaml").write_text("notify: {slack: {connection: cm_deciding, channel: x}}\n")
    assert refusal_to_tell(uses_of(gates, {}), "cm_deciding") is not None


@pytest.mark.parametrize("edited", ["parts/base.yaml", "parts/deeper/base.yaml"])
def test_a_file_in_a_folder_below_that_a_gate_extends_counts_at_once_when_it_is_edited(
    gates: Path, edited: str
) -> None:
    (gates / "parts/deeper").mkdir(parents=True)
    (gates / "parts/base.yaml").write_text("extends: deeper/base.yaml\nmode: guard\n")
    (gates / "parts/deeper/base.yaml").write_text("mode: guard\n")
    (gates / "a.yaml").write_text("extends: parts/base.yaml\n")
    path = gate_file(gates, stage("later_deciding"))
    assert load_gate(path).sites[0].stage.access == "later_deciding"
    said = (gates / edited).read_text()
    (gates / edited).write_text(said + "pipeline: {program: 1, pipeline: 9, connection: later_deciding}\n")
    with pytest.raises(GateFileError, match=r"that of pipeline\.connection in a\.yaml"):
        load_gate(path)


def test_a_file_that_a_gate_extends_counts_at_once_when_it_comes_and_when_it_goes(gates: Path) -> None:
    (gates / "parts").mkdir()
    (gates / "a.yaml").write_text("extends: parts/base.yaml\n")
    for _ in range(2):
        assert uses_of(gates, {}).get("LATER_DECIDING") is None
        (gates / "parts/base.yaml").write_text("pipeline: {connection: later_deciding}\n")
        assert uses_of(gates, {})["LATER_DECIDING"] == "pipeline.connection in a.yaml"
        (gates / "parts/base.yaml").unlink()


def test_files_that_extend_each_other_in_a_circle_count_as_broken(gates: Path) -> None:
    (gates / "a.yaml").write_text("extends: _b.yaml\npipeline: {connection: later_deciding}\n")
    (gates / "_b.yaml").write_text("extends: a.yaml\n")
    assert uses_of(gates, {}).get("LATER_DECIDING") is None


def test_a_gate_file_that_is_edited_counts_at_once(gates: Path) -> None:
    path = gate_file(gates, stage("later_deciding"))
    assert load_gate(path).sites[0].stage.access == "later_deciding"
    (gates / "third.yaml").write_text("pipeline: {deciding_connection: later_deciding}\n")
    with pytest.raises(GateFileError, match=r"pipeline\.deciding_connection in third\.yaml"):
        load_gate_for_run(path)


@pytest.mark.parametrize(
    ("patterns", "name", "may"),
    [
        ("", "anything", True),
        ("wknd_*", "wknd_stage", True),
        ("wknd_*, basket", "basket", True),
        ("wknd_*", "WKND_STAGE", True),
        ("wknd_*", "stage_of_wknd_", False),
        ("wknd_?", "wknd_12", False),
        ("cm_*", "cm_deciding", False),
    ],
)
def test_the_deployment_says_which_connections_gates_reach(
    gates: Path, monkeypatch: pytest.MonkeyPatch, patterns: str, name: str, may: bool
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__SITE_CONNECTIONS", patterns)
    gate_file(gates, PLAIN)
    assert (Reach.of(gates, {}).refusal(name) is None) is may
    if not may and name != "cm_deciding":
        error = mistake_in(gates, stage(name))
        assert f"[stage_gate] site_connections lets gates open sites with {patterns} only" in str(error)
        assert error.remedy == "Name one of those, or let whoever runs this Airflow add it."


@pytest.mark.parametrize("written", ["*", "wknd_*, ?", "wknd/*", "[a-z]*"])
def test_patterns_that_name_nothing_are_a_mistake_of_the_deployment(
    gates: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__SITE_CONNECTIONS", written)
    error = mistake_in(gates, stage("wknd_stage"))
    assert "[stage_gate] site_connections: " in str(error)
    assert error.line == 0


def test_what_a_run_pinned_counts_too(gates: Path) -> None:
    """Its file may have changed since, so that no file names the connection any more."""
    pinned = load_gate(gate_file(gates, PLAIN)).content
    (gates / "wknd.yaml").unlink()
    gate = gate_from_content("wknd", pinned, folder=gates)
    found = Reach.of(gates, gate.content).refusal("cm_deciding")
    assert found is not None
    assert "pipeline.deciding_connection of this gate" in found[0]


def test_a_gate_beyond_its_reach_is_still_read_from_its_pin(gates: Path) -> None:
    """A run that has begun can be held and reported; the connection is refused when it is opened."""
    content = {
        "pipeline": {"program": "12345", "pipeline": "678901", "deciding_connection": "cm_deciding"},
        "sites": [{"stage": {"url": "https://stage.example.com", "access": "cm_deciding"}, "pages": ["/"]}],
    }
    assert gate_from_content("wknd", content, folder=gates).sites[0].stage.access == "cm_deciding"
