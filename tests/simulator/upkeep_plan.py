"""What does a scenario say of variables, and of what is done to stage besides deployments?"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VariablePlan(_Model):
    name: str
    type: Literal["string", "secretString"] = "string"
    service: str | None = None
    value: str = "simulated"

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class UpkeepPlan(_Model):
    """Something that is done to the stage environment, or to production's content, besides deployments."""

    what: Literal["content copy", "restore", "variable", "no variable", "status"]
    seconds: float = Field(default=0.0, ge=0)  # how long it goes on
    onto: Literal["stage", "prod"] = "stage"  # where a content copy goes; it comes from the other
    ends_as: str = ""  # its status afterwards, or the environment's; the usual one when empty
    variable: VariablePlan | None = None  # which one is set, or removed

    @model_validator(mode="after")
    def _names_its_variable(self) -> UpkeepPlan:
        if (self.variable is not None) != (self.what in ("variable", "no variable")):
            raise ValueError("a variable goes with 'variable' and 'no variable'")
        return self
