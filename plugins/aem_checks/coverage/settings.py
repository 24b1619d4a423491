"""How many pages may be looked at and recorded beside those that a team names?"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CoverageSettings(BaseModel):
    """Find the components and templates that the site uses, and record pages that show each at least once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pages: int = Field(default=20, strict=True, ge=1, le=200)
    """How many pages are recorded and judged beside those that the site names itself, at most. 20 show what an
    average site is made of; what they can't show is in the report as never tested."""
    look_at: int = Field(default=200, strict=True, ge=1, le=2000)
    """How many pages of the sitemap are fetched to see what they are made of. Each counts against
    `requests_per_second`: at 10 a second 200 pages take 20 s."""
