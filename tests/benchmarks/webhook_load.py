"""How is a webhook loaded? ``python -m benchmarks.webhook_load URL FILE SECONDS AT_ONCE RATE``, in a process of its own.

FILE has a delivery in each line: ``{"body": …, "headers": {…}}``. RATE 0: each of AT_ONCE senders sends its next one as
soon as it is answered; otherwise so many leave in a second, answered or not. Prints JSON: statuses and seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp


async def main(url: str, sent: list[Any], seconds: float, at_once: int, rate: float) -> dict[str, Any]:
    deliveries = iter(sent)
    statuses: Counter[str] = Counter()
    took: list[float] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20)) as session:

        async def send(delivery: dict[str, Any]) -> None:
            began = time.perf_counter()
            try:
                async with session.post(url, data=delivery["body"], headers=delivery["headers"]) as answer:
                    await answer.read()
                    statuses[str(answer.status)] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                statuses[type(error).__name__] += 1
            took.append(time.perf_counter() - began)

        began = time.perf_counter()
        if rate:
            await _steadily(send, deliveries, seconds, rate)
        else:
            await asyncio.gather(*(_in_turn(send, deliveries, began + seconds) for _ in range(at_once)))
        whole = time.perf_counter() - began
    return {"statuses": statuses, "took": took, "seconds": whole}


async def _in_turn(send: Any, deliveries: Iterator[Any], until: float) -> None:
    while time.perf_counter() < until and (delivery := next(deliveries, None)) is not None:
        await send(delivery)


async def _steadily(send: Any, deliveries: Iterator[Any], seconds: float, rate: float) -> None:
    began = time.perf_counter()
    under_way = set()
    for number in range(int(seconds * rate)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        under_way.add(asyncio.create_task(send(next(deliveries))))
    await asyncio.gather(*under_way)


if __name__ == "__main__":
    given = sys.argv[1:]
    lines = Path(given[1]).read_text(encoding="utf-8").splitlines()
    done = asyncio.run(
        main(given[0], [json.loads(line) for line in lines], float(given[2]), int(given[3]), float(given[4]))
    )
    print(json.dumps(done))
