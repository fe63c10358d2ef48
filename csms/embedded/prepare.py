"""`python -m csms.embedded.prepare FILE STATIONS`: migrations and test tenants, in one process to save time.

The one module here that uses Django. It runs as a child of the playground, which sets its environment.
It imports Django while the servers are still starting, then waits for a line on standard input.
`FILE` gets the JSON of `manage.py create_test_tenants --json --stations STATIONS`. Standard output gets a
line that begins with `done: ` for each step.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from pathlib import Path

from csms.embedded.claim import write_private
from csms.env import SettingError

DONE = "done: "
MIGRATED = "the tenants' databases are migrated"
_STEPS = {
    "migrate": "the global database is migrated",
    "migrate_tenants": MIGRATED,
    "create_test_tenants": "the test tenants are there",
}


def main() -> None:
    """Run the steps; a failed one ends the process with its error and exit code 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "csms.settings")
    import django
    from django.core.management import CommandError, call_command

    try:
        django.setup()
        sys.stdin.readline()
        for command, done in _STEPS.items():
            started = time.monotonic()
            output = io.StringIO()
            arguments = ["--json", "--stations", sys.argv[2]] if command == "create_test_tenants" else []
            call_command(command, *arguments, stdout=output)
            if arguments:
                _keep(output.getvalue(), Path(sys.argv[1]))
            print(f"{DONE}{done} ({time.monotonic() - started:.1f} s)", flush=True)
    except (CommandError, SettingError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


def _keep(output: str, path: Path) -> None:
    json.loads(output)
    write_private(path, output)


if __name__ == "__main__":
    main()
