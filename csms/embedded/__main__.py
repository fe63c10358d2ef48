"""`python -m csms.embedded`: what `make run` calls."""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import sys
from pathlib import Path

from csms.embedded import machine
from csms.embedded.claim import claimed
from csms.embedded.playground import Playground, Wishes, show
from csms.embedded.process import ProcessFailed, die_with_parent


def main() -> None:
    """Run the playground until Ctrl-C or SIGTERM. A start that fails ends with its reason and exit code 1."""
    options = _options()
    if options.stop_with_parent:
        die_with_parent()
    _end_on_signals()
    try:
        if options.delete_data:
            _delete(options.directory)
        else:
            _run(options.directory)
    except (machine.Refused, ProcessFailed) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m csms.embedded", description="Run the product with its own servers."
    )
    parser.add_argument("--directory", type=Path, default=Path(".csms"), help="where data and logs live (.csms)")
    parser.add_argument("--stop-with-parent", action="store_true", help="stop when the starting process ends")
    parser.add_argument("--delete-data", action="store_true", help="delete the directory instead of starting")
    return parser.parse_args()


def _end_on_signals() -> None:
    """Let SIGTERM, and a closed terminal, end this process as Ctrl-C does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # ignored under nohup, and that is to stay so
        signal.signal(signal.SIGHUP, signal.default_int_handler)


def _run(directory: Path) -> None:
    wishes = Wishes.from_environment(os.environ)
    machine.check_platform()
    machine.check_libraries()
    with claimed(directory):
        machine.check_http_ports(wishes.http_port, wishes.instances)
        _allow_many_sockets()
        playground = Playground(directory, wishes)
        try:
            playground.run()
        except KeyboardInterrupt:
            show("")  # the terminal has shown ^C
        finally:
            _ignore_signals()
            playground.stop()


def _allow_many_sockets() -> None:
    """Raise the limit of open files for all children: the usual 1024 would be the number of stations."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _ignore_signals() -> None:
    """A second Ctrl-C must not cut short the stop, or a server would be left behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _delete(directory: Path) -> None:
    if not directory.exists():
        return
    with claimed(directory):
        shutil.rmtree(directory)
    print(f"deleted {directory}/")


if __name__ == "__main__":
    main()
