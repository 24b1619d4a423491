"""A git server over https on loopback, for repositories in a folder. Its certificate is one that nobody trusts."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

BACKEND = Path("/usr/lib/git-core/git-http-backend")
"""Git's own CGI program."""


@asynccontextmanager
async def git_server(folder: Path, certificate: Path) -> AsyncIterator[str]:
    """Its URL, while it runs; ``certificate`` holds the key too."""

    async def answer(request: web.Request) -> web.Response:
        environment = {
            "GIT_PROJECT_ROOT": str(folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "PATH": "/usr/bin:/bin",
        }
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(BACKEND, env=environment, stdin=pipe, stdout=pipe)
        said, _ = await process.communicate(await request.read())
        head, _, body = said.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200 OK").split()[0])
        return web.Response(status=status, body=body, headers=headers)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
