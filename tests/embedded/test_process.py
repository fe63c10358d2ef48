"""One child process: readiness, failure, stop, and its end with its parent."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from csms.embedded.process import Process, ProcessFailed

SLEEPER = [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()",
]
# Starts a child, prints its pid, and waits to be killed.
PARENT = """
import signal, sys
from pathlib import Path
from csms.embedded.process import Process
child = Process("child", [sys.executable, "-c", "import signal; signal.pause()"], Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
signal.pause()
"""


def ends_within(pid: int, seconds: float) -> bool:
    """Wait for the end of any process, child or not."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def started(command: list[str], log: Path) -> Process:
    process = Process("child", command, log)
    process.start()
    process.wait_ready(lambda: "up" in process.log_tail(), 10)
    return process


def test_a_child_that_exits_early_shows_the_end_of_its_log(tmp_path: Path) -> None:
    process = Process("broker", [sys.executable, "-c", "print('no such port'); exit(3)"], tmp_path / "broker.log")
    process.start()
    with pytest.raises(ProcessFailed) as failure:
        process.wait_ready(lambda: False, 10)
    assert "broker stopped with exit code 3 during its start" in str(failure.value)
    assert "    no such port" in str(failure.value)


def test_the_log_of_an_earlier_start_is_not_blamed(tmp_path: Path) -> None:
    log = tmp_path / "broker.log"
    log.write_text("an old complaint\n")
    process = Process("broker", [sys.executable, "-c", "exit(1)"], log)
    process.start()
    with pytest.raises(ProcessFailed) as failure:
        process.wait_ready(lambda: False, 10)
    assert "an old complaint" not in str(failure.value)


def test_a_child_that_never_gets_ready_is_reported_with_the_deadline(tmp_path: Path) -> None:
    process = Process("broker", SLEEPER, tmp_path / "log")
    process.start()
    with pytest.raises(ProcessFailed, match=r"broker was not ready after 0\.2 s"):
        process.wait_ready(lambda: False, 0.2)
    process.kill()


def test_a_program_that_does_not_exist_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match=r"broker cannot be started: .*no-such-program"):
        Process("broker", [str(tmp_path / "no-such-program")], tmp_path / "log").start()


def test_stop_ends_this_child_and_no_other_of_the_same_program(tmp_path: Path) -> None:
    first, second = started(SLEEPER, tmp_path / "1"), started(SLEEPER, tmp_path / "2")
    assert first.stop(10)
    assert not first.running
    assert second.running
    second.kill()
    assert second.ending == "was ended by signal 9 (Killed)"


def test_stop_kills_what_ignores_sigterm(tmp_path: Path) -> None:
    stubborn = started(STUBBORN, tmp_path / "log")
    assert not stubborn.stop(0.2)
    assert not stubborn.running


def test_lines_are_seen_as_they_come_until_the_end(tmp_path: Path) -> None:
    process = Process("steps", [sys.executable, "-c", "print('one'); print('two')"], tmp_path / "log")
    process.start()
    assert list(process.lines()) == ["one", "two"]
    assert process.succeeded


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    assert not ends_within(child, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait(10)
    assert ends_within(child, 10)


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    process = Process("child", SLEEPER, tmp_path / "log")
    thread = threading.Thread(target=process.start)
    thread.start()
    thread.join()
    assert not process.wait_exit(0.3)
    process.kill()


def test_a_child_killed_by_a_tester_can_be_started_again(tmp_path: Path) -> None:
    process = started(SLEEPER, tmp_path / "log")
    before = process.pid
    os.kill(before, signal.SIGKILL)
    assert process.wait_exit(10)
    process.start()
    assert process.running
    assert process.pid != before
    process.kill()
