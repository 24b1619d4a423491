"""How is the simulator run as a process? `STAGE_GATE_SIMULATOR=yes python -m simulator demo --ready FILE`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from simulator.scenario import Scenario, ScenarioError, load_scenario
from simulator.server import Services

SWITCH = "STAGE_GATE_SIMULATOR"
REFUSED, BAD_SCENARIO = 2, 3  # exit codes


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; 0 then, 2 without the switch, 3 for a scenario that cannot be used."""
    given = _parser().parse_args(arguments)
    if os.environ.get(SWITCH) != "yes":
        print(f"simulator: not started. It stands in for Adobe; set {SWITCH}=yes to say that you want that.",
              file=sys.stderr)  # fmt: skip
        return REFUSED
    try:
        scenario = load_scenario(given.scenario)
        asyncio.run(_serve(scenario, given.ready, given.first_port))
    except ScenarioError as error:
        print(f"simulator: {error}", file=sys.stderr)
        return BAD_SCENARIO
    return 0


async def _serve(scenario: Scenario, ready: Path | None, first_port: int) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    services = Services(scenario, first_port=first_port)
    try:
        await services.start()
        _say_ready(services, ready)
        await ended.wait()
    finally:
        await services.stop()


def _say_ready(services: Services, ready: Path | None) -> None:
    print(f"simulator: SIMULATED Cloud Manager on {services.api_url}, IMS on {services.ims_url}", flush=True)
    if ready is not None:
        draft = ready.with_name(ready.name + ".draft")
        draft.write_text(json.dumps(services.describe(), indent=2), encoding="utf-8")
        draft.replace(ready)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("scenario", help="a scenario file, or the name of a shipped one, e.g. demo")
    parser.add_argument(
        "--ready", type=Path, metavar="FILE", help="written with the addresses once all ports listen"
    )
    parser.add_argument(
        "--first-port", type=int, default=0, help="consecutive ports from here instead of free ones"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
