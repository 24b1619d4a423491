"""Why did no answer come, as the end of a sentence?"""

from __future__ import annotations

import os

import aiohttp

from aem_checks.network_guard.rule import NotAllowed


def describe_error(problem: Exception) -> str:
    """The end of a sentence such as ``no answer: ...``, without a stack trace or object addresses."""
    if isinstance(problem, NotAllowed):
        return str(problem)
    if isinstance(problem, aiohttp.ClientConnectorError) and isinstance(problem.os_error, NotAllowed):
        return str(problem.os_error)
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return "the host name cannot be resolved"
    if isinstance(problem, aiohttp.ClientSSLError):
        return f"the TLS handshake failed ({problem.os_error})"
    if isinstance(problem, aiohttp.ClientConnectorError):
        number = problem.os_error.errno or 0
        return f"no connection ({os.strerror(number) if number > 0 else problem.os_error})"
    if isinstance(problem, TimeoutError):
        return "no complete answer within the time limit"
    if isinstance(problem, aiohttp.ContentTypeError | aiohttp.ClientPayloadError):
        return "the body broke off or could not be decompressed"
    if isinstance(problem, aiohttp.ServerDisconnectedError):
        return "the connection was closed without an answer"
    return f"the answer is not valid HTTP ({type(problem).__name__}: {str(problem)[:200]})"
