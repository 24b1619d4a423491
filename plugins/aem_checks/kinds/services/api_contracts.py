"""G3: do the site's JSON APIs keep the contract that apps and scripts rely on?

It asks each API that the gate file names, the ``.model.json`` of the recorded pages that had one at the last
approved release, and AEM's CSRF token, past all caches. Each has to give its status and valid JSON that meets its
JSON Schema, and to keep every field with its type that it had at the last approved release: order, number,
values and new fields do not matter, and components are compared by type, wherever they are on the page. The CSRF
token must not be kept by any cache, or visitors' forms fail with a stranger's token. It would have caught a page
model whose field was renamed, so that the app that reads it showed nothing, and the content service that a
dispatcher's filter answered with 404, as in Adobe KA-22518 for documents. It does not see wrong values of the right
type. A field that an author left empty looks like a lost one, so in the model of a page it only warns.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from aem_checks.asks import Get, ask, together
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import hollow, switch
from aem_checks.kinds.services._shapes import MOST_VALUES, Shape, broken, is_too_large, parse_shape, shape_of
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, unreached
from aem_checks.shortened import shortened
from aem_checks.sites import PagePath
from aem_checks.text import quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

CSRF_PATH = "/libs/granite/csrf/token.json"
_LARGEST_SCHEMA = 1024 * 1024
_ERROR = hollow(lambda status, _: status >= 500, "a status of 500 or more")
_UNCACHEABLE = frozenset({"no-store", "private", "no-cache"})


class Api(BaseModel):
    """One API; in a gate file a mapping, or just its path."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    path: PagePath
    """Path and query: ``/bin/wknd/stores.json?country=us``."""
    status: Annotated[int, _ERROR] = Field(default=200, ge=100, le=599)
    """The status that it gives."""
    contract: dict[str, Any] | None = Field(
        default=None, alias="schema", json_schema_extra={"anyOf": [{"type": "object"}, {"type": "string"}]}
    )
    """A JSON Schema: written here, or the name of its file, relative to the gate file. It is read with the gate
    file, so that it is pinned with it."""
    uncached: bool = False
    """Whether no cache may keep the answer."""

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: Any, info: ValidationInfo) -> Any:
        value = {"path": value} if isinstance(value, str) else value
        if isinstance(value, dict) and isinstance(value.get("schema"), str):
            folder = (info.context or {}).get("folder", Path())
            return {**value, "schema": _read_schema(Path(folder, value["schema"]))}
        return value

    @field_validator("contract")
    @classmethod
    def _is_a_schema(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None:
            from jsonschema import SchemaError, validators

            try:
                validators.validator_for(value, validators.Draft202012Validator).check_schema(value)
            except SchemaError as error:
                raise ValueError(f"this is no JSON Schema: {error.message[:200]}; correct it") from error
        return value


def _read_schema(path: Path) -> Any:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_SCHEMA:
            raise OSError(f"it is no file of at most {_LARGEST_SCHEMA} bytes")
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"the JSON Schema {path} cannot be read: {error}; correct 'schema:'") from error


class ApiContractsSettings(CheckSettings):
    apis: tuple[Api, ...] = ()
    """The APIs that apps, scripts and partners call."""
    models: Annotated[bool, switch(False)] = True
    """Whether the ``.model.json`` of recorded pages is looked at too."""
    csrf_token: Annotated[bool, switch(False)] = True
    """Whether AEM's CSRF token is looked at too."""

    def judges_nothing(self) -> str:
        left = self.apis or self.models or self.csrf_token
        return "" if left else "no 'apis', 'models: false' and 'csrf_token: false'"


class Asked(NamedTuple):
    api: Api
    response: Response
    is_model: bool = False


class ApiContracts(Check[ApiContractsSettings]):
    kind = "api_contracts"
    number = "G3"
    title = "API contracts"
    targets = frozenset({"stage", "production"})
    default_on = False
    needs = "the paths of the site's APIs, or 'api_contracts: {}' for page models and the CSRF token alone"
    codes = faults(
        status="an API gives another status than it should",
        no_json="an API gives something that is no JSON",
        too_large="an API gives more values than are judged",
        schema="an answer does not meet its JSON Schema",
        schema_reference="the JSON Schema refers to what is not in it",
        field_lost="an answer lacks a field that it had at the last verified release",
        field_type="a field is of another type than at the last verified release",
        kept_by_caches="caches may keep an answer that none should keep",
    )
    settings_type = ApiContractsSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        named = [*self.settings.apis, *([_TOKEN] if self.settings.csrf_token else ())]
        paths = visit.site.pages if self.settings.models else ()
        models = [Api(path=_model_path(path)) for path in dict.fromkeys(paths) if _model_path(path)]
        asked = yield from together(
            (*(_ask(api, visit) for api in named), *(_ask(api, visit, True) for api in models))
        )
        findings = [finding for each in asked for finding in _judge(each, visit)]
        if visit.baseline is None:
            findings.append(_nothing_to_compare())
        examined = sum(each.response.answered and not _is_absent_model(each, visit) for each in asked)
        return Judgement(examined=examined, findings=shortened(findings, severity=self.weight))


_TOKEN = Api.model_construct(path=CSRF_PATH, status=200, contract=None, uncached=True)


def _model_path(path: str) -> str:
    stem = path.partition("?")[0]
    return stem.removesuffix(".html") + ".model.json" if stem.endswith(".html") else ""


def _ask(api: Api, visit: Visit, is_model: bool = False) -> Steps[Asked]:
    question = Get(visit.url(api.path), tries=3, past_caches=api.path != CSRF_PATH)
    return Asked(api, (yield from ask(question)), is_model)


def _is_absent_model(each: Asked, visit: Visit) -> bool:
    """A page without a model, and without one at the last approved release: nothing that anybody relies on."""
    return each.is_model and each.response.status != 200 and _shape_before(each.api, visit) is None


def _judge(each: Asked, visit: Visit) -> Iterator[Finding]:
    api, response = each.api, each.response
    if _is_absent_model(each, visit):
        return
    if (refusal := unreached(response, api.path)) is not None and response.status != api.status:
        yield refusal
        return
    proof = visit.keep(f"api_contracts/{_name(api)}.txt", response.body[:1_000_000]) if response.body else ""
    if response.status != api.status:
        expected = f"status {api.status}"
        yield _finding("status", api, expected, describe(response), _why(response), proof)
        return
    value = _parse(response)
    if value is None:
        actual = f"{describe(response)}, which is no JSON"
        yield _finding("no_json", api, "JSON", actual, "see what answers instead", proof)
        return
    if is_too_large(value[0]):
        actual = f"JSON with more than {MOST_VALUES} values"
        expected, remedy = "an answer that can be judged", "see what answers instead"
        found = _finding("too_large", api, expected, actual, remedy, proof)
        yield found.model_copy(update={"outcome": Outcome.INCONCLUSIVE})
        return
    yield from _against_schema(api, value[0], proof)
    yield from _against_baseline(each, value[0], visit, proof)
    if api.uncached and (kept := _kept_by_caches(response)):
        expected, remedy = "an answer that no cache keeps", "set Cache-Control: no-store for it"
        yield _finding("kept_by_caches", api, expected, kept, remedy, proof)


def _parse(response: Response) -> tuple[Any] | None:
    try:
        return (json.loads(response.body),)
    except (ValueError, RecursionError):
        return None


def _against_schema(api: Api, value: Any, proof: str) -> Iterator[Finding]:
    if api.contract is None:
        return
    from jsonschema import validators
    from jsonschema.exceptions import best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    known = validators.validator_for(api.contract, validators.Draft202012Validator)
    try:
        error = best_match(known(api.contract, registry=Registry()).iter_errors(value))
    except (Unresolvable, RecursionError) as problem:
        actual = f"the schema's reference {quoted(str(problem), 100)} cannot be followed"
        remedy = "put what it refers to into the schema"
        finding = _finding("schema_reference", api, "a schema in one file", actual, remedy, "")
        yield finding.model_copy(update={"outcome": Outcome.INCONCLUSIVE})
        return
    if error is not None:
        place = quoted(error.json_path, 120)
        yield _finding(
            "schema",
            api,
            "what its JSON Schema says",
            f"{quoted(error.message, 200)} at {place}",
            "see which build changed it",
            proof,
        )


def _against_baseline(each: Asked, value: Any, visit: Visit, proof: str) -> Iterator[Finding]:
    now = shape_of(value)
    visit.keep(_shape_name(each.api), json.dumps(now, indent=0))
    before = _shape_before(each.api, visit)
    if before is None or visit.baseline is None:
        return
    for path, expected, actual in broken(before, now):
        lost = actual == "no such field"
        found = _finding(
            "field_lost" if lost else "field_type",
            each.api, f"{quoted(path)} of type {expected}, as at {visit.baseline.release}",
            f"{quoted(path)}: {actual}", "see which commit renamed or removed it, and who reads it", proof,
        )  # fmt: skip
        severity = Severity.WARN if each.is_model and lost else None
        subject = f"{each.api.path} {path}"
        yield found.model_copy(update={"subject": subject, "severity": severity})


def _shape_before(api: Api, visit: Visit) -> Shape | None:
    return parse_shape(visit.baseline.read(_shape_name(api))) if visit.baseline is not None else None


def _shape_name(api: Api) -> str:
    return f"api_contracts/{_name(api)}.shape.json"


def _name(api: Api) -> str:
    return hashlib.sha256(api.path.encode()).hexdigest()[:16]


def _kept_by_caches(response: Response) -> str:
    """How a cache may keep it, as the end of a sentence; empty where none may."""
    written = ", ".join(response.headers.getall("Cache-Control", []))
    age = response.headers.get("Age", "0")
    if age.isascii() and age.isdigit() and int(age) > 0:
        return f"one that is {int(age)} s old"
    if {part.strip().partition("=")[0].lower() for part in written.split(",")} & _UNCACHEABLE:
        return ""
    return f"Cache-Control {quoted(written)}" if written else "no Cache-Control"


def _why(response: Response) -> str:
    if response.status == 404:
        return "let the dispatcher's filters pass it, and see whether its servlet or model is active"
    if response.status >= 500:
        return "read the publish error log"
    return "open the URL and see what answers"


def _finding(code: str, api: Api, expected: str, actual: str, remedy: str, evidence: str) -> Finding:
    return Finding(
        code=code,
        subject=api.path,
        sentence=f"{api.path} gave {actual}; expected {expected}. To do: {remedy}.",
        expected=expected,
        actual=actual,
        evidence=evidence,
    )


def _nothing_to_compare() -> Finding:
    sentence = "There is no verified release to compare fields with yet."
    return Finding(code="nothing_to_compare", subject="fields", sentence=sentence, outcome=Outcome.PASSED)
