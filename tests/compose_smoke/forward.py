"""How does a container reach the simulator as its own loopback? A TCP forwarder for a range of ports.

`--open 18100-18109` runs in the simulator's network and offers each of its loopback ports to the others, moved up
by a thousand; `--to simulator 18100-18109` runs in a client's network and offers those as the client's loopback.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable

SHIFT = 1000
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def forward(ports: range, *, listen: str, listen_shift: int, target: str, target_shift: int) -> None:
    """Forward every port of `ports` until cancelled."""
    servers = [
        await asyncio.start_server(_handler(target, port + target_shift), listen, port + listen_shift)
        for port in ports
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def _handler(host: str, port: int) -> Handler:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))

    return connected


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m compose_smoke.forward", description=__doc__)
    direction = parser.add_mutually_exclusive_group(required=True)
    direction.add_argument(
        "--open", action="store_true", help="offer this network's loopback ports to others"
    )
    direction.add_argument("--to", metavar="HOST", help="offer the ports of HOST as this network's loopback")
    parser.add_argument("ports", help="FIRST-LAST")
    given = parser.parse_args()
    first, last = (int(port) for port in given.ports.split("-"))
    ports = range(first, last + 1)
    if given.open:
        work = forward(ports, listen="0.0.0.0", listen_shift=SHIFT, target="127.0.0.1", target_shift=0)
    else:
        work = forward(ports, listen="127.0.0.1", listen_shift=0, target=given.to, target_shift=SHIFT)
    asyncio.run(work)


if __name__ == "__main__":
    main()
