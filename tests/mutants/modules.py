"""Which modules decide, and which tests are about each? Tests that judge a mutant in seconds: no real Airflow, no soak.

The whole search of the protocol and the 10,000 fault schedules are out; ``short_forms`` has a little of both. A test is
named by its file, or as ``file::test`` where the rest of the file takes too long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Tests = Sequence[str]

_SHORT = "mutants/short_forms.py"
_GATE, _CM, _CHECKS = "unit/stage_gate", "unit/adobe_cloud_manager", "unit/aem_checks"
_VALUES = f"{_GATE}/test_values.py"
_TABLES = f"{_GATE}/rules/test_decision_table.py"
_ACTING = (
    f"{_GATE}/acting/test_acting.py",
    f"{_GATE}/acting/test_deaths.py",
    f"{_GATE}/acting/test_planted.py",
)
_STORE = (
    f"{_GATE}/evidence/test_evidence.py",
    f"{_GATE}/evidence/test_attempts.py",
    f"{_GATE}/evidence/test_exclusive.py",
    f"{_GATE}/evidence/test_seal.py",
    f"{_GATE}/tasks/test_keeping.py",
)
_NOTES = (f"{_GATE}/observing/test_forged_notes.py", f"{_GATE}/acting/test_planted.py")
_SIBLINGS = (f"{_GATE}/observing/test_what_siblings_did.py", f"{_GATE}/observing/test_siblings.py")
_PEOPLE = (
    f"{_GATE}/rules/test_asking.py",
    f"{_GATE}/tasks/test_people.py",
    f"{_GATE}/acting/test_by_hand.py",
)
_WEBHOOK = (
    f"{_GATE}/webhook/test_deliveries.py",
    f"{_GATE}/webhook/test_handshake.py",
    f"{_GATE}/webhook/test_bodies_on_the_wire.py",
    f"{_GATE}/webhook/test_writer.py",
    f"{_GATE}/webhook/test_mount.py",
    f"{_GATE}/webhook/test_fuzz.py",
)
_RULES_OF_GUARD = (f"{_CHECKS}/network_guard/test_address.py", f"{_CHECKS}/network_guard/test_rule.py")
_WAYS_OUT = (
    f"{_CHECKS}/network_guard/test_forward_proxy.py",
    f"{_CHECKS}/test_client.py",
    f"{_CHECKS}/network_guard/test_ways_out.py",
)

RULES: Mapping[str, Tests] = {
    "stage_gate.rules.verdict": (
        f"{_GATE}/rules/test_verdict.py",
        f"{_GATE}/rules/test_verdict_properties.py",
        f"{_GATE}/rules/test_fail_open.py",
        f"{_GATE}/rules/test_waivers.py",
    ),
    "stage_gate.rules.decision": (
        f"{_GATE}/rules/test_decision.py",
        _TABLES,
        f"{_GATE}/rules/test_decision_model.py::test_nothing_is_sent_but_after_the_last_look_and_never_twice",
        f"{_GATE}/rules/test_decision_model.py::test_a_task_that_died_ends_where_it_would_have_ended_unless_its_ticket_was_spent",
        f"{_GATE}/rules/test_decision_model.py::test_a_task_that_is_over_has_nothing_left_to_do",
        _SHORT,
    ),
    "stage_gate.rules.own_tests": (f"{_GATE}/rules/test_own_tests.py",),
    "stage_gate.own_tests.ends": (f"{_GATE}/own_tests/test_ends.py",),
    "stage_gate.rules.proof": (f"{_GATE}/rules/test_proof.py", _TABLES, _SHORT),
    "stage_gate.rules.candidate": (
        f"{_GATE}/rules/test_candidate.py",
        f"{_GATE}/rules/test_verdict.py",
        _TABLES,
    ),
    "stage_gate.rules.surroundings": (
        f"{_GATE}/rules/test_surroundings.py",
        f"{_GATE}/rules/test_candidate.py",
        f"{_GATE}/rules/test_verdict.py",
        _TABLES,
        f"{_GATE}/observing/test_siblings.py",
    ),
    "stage_gate.rules.stage_changes": (
        f"{_GATE}/rules/test_surroundings.py",
        f"{_GATE}/rules/test_candidate.py",
        f"{_GATE}/rules/test_verdict.py",
        _TABLES,
        f"{_GATE}/observing/test_siblings.py",
    ),
    "stage_gate.acting.right": (
        *_ACTING,
        f"{_GATE}/acting/test_plan_as_pinned.py",
        f"{_GATE}/observing/test_unread_facts.py::test_a_fact_that_the_gate_file_accepts_unread_holds_only_by_what_is_read_of_it",
        f"{_GATE}/observing/test_unread_facts.py::test_what_is_not_accepted_any_more_is_held",
        f"{_GATE}/observing/test_unread_facts.py::test_what_is_not_accepted_any_more_holds_nothing_where_it_was_read",
        f"{_GATE}/observing/test_unread_facts.py::test_what_the_gate_file_accepts_only_since_the_tests_is_not_accepted",
        f"{_GATE}/observing/test_unread_facts.py::test_a_person_may_accept_that_stage_ran_other_code_before_the_tests",
        f"{_GATE}/observing/test_unread_facts.py::test_other_code_on_stage_since_the_tests_wants_a_new_build_where_nothing_shows_which_code_answers",
        f"{_GATE}/observing/test_unread_facts.py::test_whether_it_must_be_built_again_is_asked_of_what_is_read_now_and_of_the_plan_that_was_judged",
        f"{_GATE}/observing/test_isolation.py::test_the_acting_tasks_know_what_the_deployment_forbids",
        _SHORT,
    ),
    "stage_gate.evidence.signing": (
        f"{_GATE}/evidence/test_signing.py",
        f"{_GATE}/evidence/test_signed.py",
        f"{_GATE}/commands/test_key.py",
        *_STORE,
    ),
    "stage_gate.rules.leniency": (
        f"{_GATE}/rules/test_leniency.py",
        f"{_GATE}/rules/test_waivers.py",
        f"{_GATE}/rules/test_verdict.py",
        f"{_GATE}/rules/test_verdict_properties.py",
    ),
    "stage_gate.rules.plan": (
        f"{_GATE}/configuration/test_planning.py",
        f"{_GATE}/rules/test_verdict.py",
        f"{_GATE}/evidence/test_seal.py",
    ),
    "stage_gate.configuration.planning": (
        f"{_GATE}/configuration/test_planning.py",
        f"{_GATE}/rules/test_waivers.py",
        f"{_GATE}/observing/test_isolation.py",
        f"{_GATE}/observing/test_own_results.py",
    ),
}
ACTING: Mapping[str, Tests] = {
    "stage_gate.acting.road": (
        *_ACTING,
        f"{_GATE}/tasks/test_promote.py",
        f"{_GATE}/observing/test_unread_facts.py::test_a_person_may_accept_what_could_not_be_read_then_but_not_what_is_unread_only_now",
        f"{_GATE}/observing/test_unread_facts.py::test_what_could_not_be_read_then_holds_no_halt_and_no_file_has_to_accept_it",
        _SHORT,
    ),
    "stage_gate.acting.act": (*_ACTING, f"{_GATE}/tasks/test_promote.py"),
    "stage_gate.evidence.claims": (
        f"{_GATE}/evidence/test_evidence.py",
        f"{_GATE}/evidence/test_reruns.py",
        *_ACTING,
    ),
    "stage_gate.acting.sent_before": (*_ACTING, _SHORT),
    "stage_gate.rules.asking": _PEOPLE,
    "adobe_cloud_manager.golive": (f"{_CM}/test_golive.py", f"{_CM}/test_acts.py"),
    "adobe_cloud_manager.hooks.single_put": (f"{_CM}/test_acts.py", f"{_CM}/test_starts.py"),
}
EVIDENCE: Mapping[str, Tests] = {
    "stage_gate.evidence.exclusive": (
        f"{_GATE}/evidence/test_exclusive.py",
        f"{_GATE}/evidence/test_attempts.py",
        f"{_GATE}/evidence/test_evidence.py",
    ),
    "stage_gate.evidence.files": (
        *_STORE,
        f"{_GATE}/evidence/test_baseline.py",
        f"{_GATE}/evidence/test_seal.py",
    ),
    "stage_gate.evidence.seal": (
        f"{_GATE}/evidence/test_seal.py",
        f"{_GATE}/commands/test_verify.py",
        *_STORE,
    ),
    "stage_gate.evidence.kept_decisions": (
        *_NOTES,
        f"{_GATE}/acting/test_acting.py",
        f"{_GATE}/tasks/test_people.py",
    ),
    "stage_gate.observing.memory": (
        f"{_GATE}/observing/test_forged_notes.py",
        f"{_GATE}/tasks/test_waits.py",
    ),
    "stage_gate.evidence.store": (
        *_STORE,
        f"{_GATE}/acting/test_retest.py",
        f"{_GATE}/acting/test_planted.py",
    ),
}
STAGE: Mapping[str, Tests] = {
    "stage_gate.observing.siblings": _SIBLINGS,
    "stage_gate.observing.stage_environment": (
        f"{_GATE}/rules/test_candidate.py",
        f"{_GATE}/configuration/test_connection_use.py",
        f"{_GATE}/observing/test_siblings.py",
    ),
    "stage_gate.observing.observe": (
        f"{_GATE}/observing/test_unasked.py",
        f"{_GATE}/rules/test_candidate.py",
        f"{_GATE}/observing/test_split_pipelines.py",
        f"{_GATE}/observing/test_siblings.py",
    ),
    "stage_gate.observing.looking": (f"{_GATE}/test_starting.py",),
    "stage_gate.acting.run": (
        f"{_GATE}/acting/test_by_hand.py",
        f"{_GATE}/tasks/test_waits.py",
        f"{_GATE}/acting/test_planted.py",
    ),
}
CLOUD_MANAGER: Mapping[str, Tests] = {
    "adobe_cloud_manager.protocol": (
        f"{_CM}/test_protocol.py",
        f"{_CM}/test_hooks.py",
        f"{_CM}/test_acts.py",
        f"{_CM}/test_starts.py",
    ),
    "adobe_cloud_manager.questions": (
        f"{_CM}/test_questions.py",
        f"{_CM}/test_golive.py",
        f"{_CM}/test_watch.py",
    ),
    "adobe_cloud_manager.unasked": (f"{_GATE}/observing/test_unasked.py",),
}
WEBHOOK: Mapping[str, Tests] = {
    "stage_gate.configuration.event_registrations": _WEBHOOK,
    **{
        f"stage_gate.webhook.{module}": _WEBHOOK
        for module in (
            "answers",
            "app",
            "body",
            "hmac_secrets",
            "limits",
            "mount",
            "reception",
            "refusals",
            "seen",
            "store",
            "validations",
            "writer",
        )
    },
    "adobe_cloud_manager.events.signature": (f"{_CM}/events/test_signature.py", f"{_CM}/events/test_keys.py"),
    "adobe_cloud_manager.events.envelope": (f"{_CM}/events/test_envelope.py", f"{_CM}/events/test_hint.py"),
}
GUARD: Mapping[str, Tests] = {
    **{f"aem_checks.network_guard.{module}": _RULES_OF_GUARD for module in ("address", "rule")},
    **{
        f"aem_checks.network_guard.{module}": (*_RULES_OF_GUARD, *_WAYS_OUT)
        for module in ("connecting", "forward_proxy", "outer_proxy")
    },
    "aem_checks.code_user": (f"{_CHECKS}/test_code_user.py", f"{_GATE}/observing/test_isolation.py"),
    "aem_checks.reaper": (f"{_CHECKS}/test_code_user.py", f"{_CHECKS}/test_commands.py"),
    "stage_gate.observing.isolation": (
        f"{_GATE}/observing/test_isolation.py",
        f"{_GATE}/observing/test_exposure.py",
    ),
}
PARTS: Mapping[str, Mapping[str, Tests]] = {
    "rules": RULES,
    "acting": ACTING,
    "evidence": EVIDENCE,
    "stage": STAGE,
    "cloud_manager": CLOUD_MANAGER,
    "webhook": WEBHOOK,
    "guard": GUARD,
}
"""What is run one after another."""


def chosen(names: Sequence[str]) -> dict[str, list[str]]:
    """Modules of parts and by name, each with its tests and those of values, which are about all.

    Raises ``SystemExit`` for a name that is neither.
    """
    every = {module: tests for part in PARTS.values() for module, tests in part.items()}
    found: dict[str, Tests] = {}
    for name in names or PARTS:
        part = PARTS.get(name) or {
            module: tests for module, tests in every.items() if f".{module}".endswith(f".{name}")
        }
        if not part:
            raise SystemExit(
                f"{name} is neither a part nor a module that is judged: {', '.join((*PARTS, *every))}"
            )
        found |= part
    return {
        module: [f"tests/{test}" for test in dict.fromkeys((*tests, _VALUES))]
        for module, tests in found.items()
    }
