"""Become another program that gets a signal when its parent dies: `exec_child.py <parent pid> <signal> <command> ...`.

Run as a program of its own, not as `preexec_fn`: Python code between fork and exec waits for ever when another
thread of the parent held a lock at the moment of the fork (a process with a MongoClient has many threads).
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, death_signal: int, command: list[str]) -> None:
    """Ask Linux for the signal, then exec; the pid stays. Exits with 1 when the parent has ended already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the call above: nobody would send the signal
        sys.exit(1)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec would pass that on
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started: {error}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
