"""Neither side can make the server's memory grow: TCP holds back the one that is too fast."""

from __future__ import annotations

from tests.serve.served import DEADLINE, Start, frame

MIB = 1024 * 1024


def numbered(number: int) -> bytes:
    return frame(f"{number} ".encode().ljust(60_000, b"x"))


def test_a_flooding_peer_waits_for_the_application_and_loses_nothing(start: Start) -> None:
    served = start(limits={"ping_interval": 0.2})
    raw = served.raw("hold")
    before = served.get("state")["resident"]

    taken = raw.fill(numbered, 2000)  # 120 MB

    assert taken < 500  # what kernel buffers hold
    assert served.get("state")["resident"] - before < 8 * MIB
    assert served.get("state")["received"] == 0
    served.get("set/release")
    raw.send(raw.unsent)
    raw.send(frame(b"last"))
    answers = [payload for opcode, payload in raw.frames_until(b"last") if opcode == 1]
    assert [int(answer) for answer in answers] == list(range(len(answers)))
    assert len(answers) >= taken
    assert served.errors() == []


def test_many_tiny_messages_in_one_piece_wait_outside_the_queue(start: Start) -> None:
    served = start()
    raw = served.raw("hold")
    before = served.get("state")["resident"]
    raw.send(frame(b"m") * 100_000)
    served.get("state")

    assert served.get("state")["resident"] - before < 8 * MIB
    served.get("set/release")
    raw.send(frame(b"last"))
    assert sum(1 for _ in raw.frames_until(b"last")) == 100_000


def test_pings_do_not_close_a_socket_whose_application_is_busy(start: Start) -> None:
    served = start(limits={"ping_interval": 0.2})
    raw = served.raw("hold")
    raw.send(frame(b"message") * 10)

    assert [raw.frame()[0] for _ in range(4)] == [9, 9, 9, 9]  # unanswered
    served.get("set/release")
    assert sum(1 for opcode, _ in (raw.frame() for _ in range(10)) if opcode == 1) >= 9


def test_a_slow_reader_holds_back_the_application_and_gets_everything(start: Start) -> None:
    served = start(limits={"close": 0.3})
    before = served.get("state")["resident"]
    raw = served.raw("flood/2500")  # 40 MB

    assert served.get("wait/blocked")

    state = served.get("state")
    assert state["sent"] < 1500  # what kernel buffers hold
    assert state["resident"] - before < 8 * MIB
    numbers = [int(payload.split(b" ")[0]) for opcode, payload in raw.frames() if opcode == 1]
    assert numbers == list(range(2500))


def test_a_close_does_not_wait_for_a_slow_reader(start: Start) -> None:
    served = start(limits={"close": 0.5})
    raw = served.raw("flood/2500")
    assert served.get("wait/blocked")
    served.signal()  # the hook closes all sockets

    served.logged("hook: storage")
    assert served.exit_code() == 0
    assert raw.closed_within(DEADLINE)


def test_a_peer_that_never_reads_is_given_up(start: Start) -> None:
    served = start(limits={"write": 0.5, "ping_interval": 0})
    raw = served.raw("flood/5000")

    assert served.get("wait/gone")
    assert raw.closed_within(DEADLINE)
    assert served.errors() == []


def test_pings_of_a_peer_that_never_reads_do_not_pile_up(start: Start) -> None:
    served = start()
    raw = served.raw("echo")
    before = served.get("state")["resident"]

    taken = raw.fill(lambda number: frame(b"x" * 125, 9) * 400, 2000)  # 105 MB of pings

    assert taken < 1000
    assert served.get("state")["resident"] - before < 8 * MIB
