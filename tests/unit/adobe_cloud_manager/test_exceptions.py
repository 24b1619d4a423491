"""The exception tree: what is retryable, what a caller may catch, what is told."""

from __future__ import annotations

import pytest

from adobe_cloud_manager import exceptions as errors


def test_every_error_is_one_of_the_tree() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) == 14
    assert all(issubclass(kind, errors.CloudManagerError) for kind in kinds)


def test_only_a_full_or_missing_service_is_worth_another_try() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    retryable = {kind.__name__ for kind in kinds if getattr(kind, "retryable", False)}
    assert retryable == {"RateLimited", "Unavailable"}


@pytest.mark.parametrize("kind", [errors.NotSent, errors.ActRefused, errors.ActUnknown])
def test_no_outcome_of_an_act_is_retryable(kind: type[errors.ActError]) -> None:
    assert not kind("The advance failed.").retryable


def test_the_message_ends_with_what_adobes_support_asks_for() -> None:
    error = errors.NotFound("Program 7 does not exist.", status=404, request_id="abc")
    assert str(error) == "Program 7 does not exist. (x-request-id abc)"
    assert str(errors.NotFound("Program 7 does not exist.")) == "Program 7 does not exist."


def test_the_errors_refine_the_builtin_that_they_resemble() -> None:
    assert issubclass(errors.PermissionDenied, PermissionError)
    assert issubclass(errors.NotFound, LookupError)
    assert issubclass(errors.InvalidRequest, ValueError)
