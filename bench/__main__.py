"""`python -m bench`: measure this central system on this machine, beside a bare OCPP server."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import chart, machine, results, rounds
from bench.scenarios import FULL, QUICK
from bench.stack import Rig
from csms.embedded.process import ProcessFailed

SERVERS = ("daphne", "uvicorn")
# Stations of the idle scenario that connect first and stay, so that what is paid once is not counted.
_WARM_STATIONS = 200


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and write `bench/results/`. When a measurement failed: 1, and nothing is written."""
    options = _parse(arguments)
    effort = QUICK if options.quick else FULL
    servers = SERVERS if options.server == "both" else (options.server,)
    # SIGTERM unwinds like Ctrl-C, so that everything started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    outcome, begin = rounds.Outcome(machine.Patience(options.patience)), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="csms-bench-") as directory:
        print("starting MongoDB, Redis and MQTT, preparing tenants", flush=True)
        with Rig(Path(directory), effort.idle + _WARM_STATIONS) as rig:
            for server in servers:
                print(f"{server} against the yardstick", flush=True)
                rounds.measure(rig, server, options.scenario, effort, outcome)
    print(f"\n{results.table(outcome.rows)}\n\n{time.monotonic() - begin:.0f} s in all")
    if disturbed := outcome.disturbed():
        print(
            f"{disturbed} measurements were DISTURBED by other programs on these cores: the figures are too low, and"
            " only the ratios mean something. Run it again when the machine is quiet."
        )
    if outcome.failures:
        print("\n".join(["FAILED:", *outcome.failures]), file=sys.stderr)
        return 1
    facts = machine.facts(arguments) | {"measured_at": datetime.now(UTC).isoformat(timespec="seconds")}
    results.write(outcome.rows, facts, outcome.details)
    chart.draw(outcome.rows, results.RESULTS / "latest.png")
    print(f"written: {results.RESULTS}/latest.json and latest.png")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round each, within two minutes")
    parser.add_argument("--server", choices=(*SERVERS, "both"), default="both")
    parser.add_argument(
        "--scenario",
        action="append",
        choices=rounds.SCENARIOS,
        help="may be given several times; all by default",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="on a machine that others use too: wait so long in all for quiet, and repeat what was disturbed",
    )
    options = parser.parse_args(arguments)
    options.scenario = options.scenario or list(rounds.SCENARIOS)
    return options


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ProcessFailed as error:
        sys.exit(f"the benchmark cannot run: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted; everything that was started has been stopped")
