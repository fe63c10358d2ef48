"""Grouped commits: many callers, few transactions, and no caller pays for another's mistakes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings

from csms.errors import StorageUnavailable
from tenants.group_commit import DuplicateRecord, GroupCommitter, NothingMatched
from tests.domain.committing import Scratch, Unit, changing, inserting

DEADLINE = 20.0


@pytest.fixture
async def scratch() -> AsyncIterator[Scratch]:
    """A database of the test's own, on the run's MongoDB."""
    database = Scratch(settings.MONGODB_URI)
    yield database
    await database.close()


async def outcomes(committer: GroupCommitter, units: list[Unit]) -> list[BaseException | None]:
    """Commit all at once and return what each caller got."""
    async with asyncio.timeout(DEADLINE):
        return await asyncio.gather(*(committer.commit(unit) for unit in units), return_exceptions=True)


@contextmanager
def held(scratch: Scratch, identity: Any) -> Iterator[Any]:
    """Have another transaction hold a thing: whoever else writes it meets a WriteConflict."""
    scratch.db["things"].update_one({"_id": identity}, {"$set": {"held": False}}, upsert=True)
    with scratch.client.start_session() as session:
        session.start_transaction()
        scratch.db["things"].update_one({"_id": identity}, {"$set": {"held": True}}, session=session)
        yield session
        if session.in_transaction:
            session.abort_transaction()


async def stays_waiting(task: asyncio.Task[None]) -> bool:
    """Return whether a task is unfinished after a moment in which others could have finished."""
    done, _ = await asyncio.wait({task}, timeout=0.2)
    return not done


# -- Batches -------------------------------------------------------------------------------------


async def test_who_waits_together_shares_a_transaction(scratch: Scratch) -> None:
    units = [inserting(number).event(f"S{number}", 1) for number in range(500)]
    assert await outcomes(scratch.committer(), units) == [None] * 500
    assert scratch.ids() == list(range(500))
    assert len(scratch.events()) == 500
    assert scratch.traffic.sent["commitTransaction"] == 1
    assert scratch.db["outbox"].count_documents({}) == 1, "one outbox row carries the events of a batch"


async def test_batches_are_bounded(scratch: Scratch) -> None:
    units = [inserting(number) for number in range(100)]
    assert await outcomes(scratch.committer(batch_units=10), units) == [None] * 100
    assert scratch.traffic.sent["commitTransaction"] == 10
    assert scratch.traffic.most_documents == 10
    assert scratch.traffic.most_transactions == 2, "while one waits for the journal, the next is sent"


async def test_who_comes_while_a_batch_is_under_way_forms_the_next(scratch: Scratch) -> None:
    committer = scratch.committer(batches_in_flight=1)
    first = asyncio.create_task(committer.commit(inserting(0)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await outcomes(committer, [inserting(number) for number in range(1, 200)]) == [None] * 199
    await first
    assert scratch.traffic.sent["commitTransaction"] == 2


async def test_writers_that_never_stop_share_transactions(scratch: Scratch) -> None:
    committer = scratch.committer()

    async def write(writer: int) -> None:
        for number in range(20):
            await committer.commit(inserting(f"{writer}/{number}"))

    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(*(write(writer) for writer in range(100)))
    assert len(scratch.ids()) == 2000
    assert scratch.traffic.sent["commitTransaction"] < 200


async def test_a_commit_is_durable_when_it_returns(scratch: Scratch) -> None:
    await scratch.committer().commit(inserting(1, state="new"))
    assert scratch.db["things"].find_one({"_id": 1}) == {"_id": 1, "state": "new"}


async def test_the_publisher_is_nudged_after_events_only(scratch: Scratch) -> None:
    nudges: list[int] = []
    committer = scratch.committer(on_events=lambda: nudges.append(len(scratch.events())))
    await committer.commit(inserting(1))
    assert nudges == []
    await committer.commit(inserting(2).event("S1", 1))
    assert nudges == [1], "and not before they are stored"


# -- A unit that cannot be stored ------------------------------------------------------------------


class Unstorable:
    """Nothing that BSON knows."""


BAD_UNITS: dict[str, tuple[Unit, type[Exception]]] = {
    "exists already": (inserting("known"), DuplicateRecord),
    "matches nothing": (changing("nobody", {"$set": {"a": 1}}, must_match=True), NothingMatched),
    "is in another state": (changing("known", {"$set": {"a": 1}}, must_match=True, a=2), NothingMatched),
    "no BSON": (inserting("bad", value=Unstorable()), Exception),
    "too large a number": (inserting("bad", value=2**64), OverflowError),
    "too large a document": (inserting("bad", value="x" * (17 * 1024 * 1024)), Exception),
    "an update MongoDB does not know": (changing("known", {"$nonsense": {"a": 1}}), Exception),
    "an update of the id": (changing("known", {"$set": {"_id": 5}}), Exception),
}


@pytest.mark.parametrize("bad, error", BAD_UNITS.values(), ids=BAD_UNITS.keys())
async def test_a_bad_unit_fails_alone(scratch: Scratch, bad: Unit, error: type[Exception]) -> None:
    scratch.db["things"].insert_one({"_id": "known", "a": 1})
    units: list[Unit] = [inserting(f"good {n}").event(f"S{n}", 1) for n in range(20)]
    units.insert(11, bad)
    results = await outcomes(scratch.committer(), units)
    assert isinstance(results.pop(11), error)
    assert results == [None] * 20
    assert scratch.ids() == sorted(["known", *(f"good {n}" for n in range(20))])
    assert scratch.db["things"].find_one({"_id": "known"}) == {"_id": "known", "a": 1}
    assert len(scratch.events()) == 20


async def test_a_bad_unit_among_hundreds_costs_few_transactions(scratch: Scratch) -> None:
    """Every meter value that a station sends again is such a unit."""
    scratch.db["things"].insert_one({"_id": "known"})
    units: list[Unit] = [inserting(number) for number in range(511)]
    units.insert(300, inserting("known"))
    results = await outcomes(scratch.committer(), units)
    assert isinstance(results.pop(300), DuplicateRecord)
    assert results == [None] * 511
    assert scratch.traffic.sent["commitTransaction"] + scratch.traffic.sent["abortTransaction"] < 25


async def test_a_unit_is_stored_as_a_whole_or_not_at_all(scratch: Scratch) -> None:
    scratch.db["things"].insert_one({"_id": "known", "a": 1})
    unit = inserting("new").event("S1", 1)
    unit.updates = changing("known", {"$set": {"a": 2}}).updates
    unit.inserts.append(("things", {"_id": "known"}))
    with pytest.raises(DuplicateRecord):
        await scratch.committer().commit(unit)
    assert list(scratch.db["things"].find()) == [{"_id": "known", "a": 1}]
    assert scratch.events() == []


async def test_of_two_units_that_add_the_same_the_first_wins(scratch: Scratch) -> None:
    results = await outcomes(scratch.committer(), [inserting("same", by=1), inserting("same", by=2)])
    assert results[0] is None
    assert isinstance(results[1], DuplicateRecord)
    assert list(scratch.db["things"].find()) == [{"_id": "same", "by": 1}]


async def test_of_many_who_claim_the_same_one_gets_it(scratch: Scratch) -> None:
    """Claim, don't lock: the expected state is in the filter."""
    scratch.db["things"].insert_one({"_id": "seat", "owner": None})
    units = [changing("seat", {"$set": {"owner": n}}, must_match=True, owner=None).event(f"S{n}", n) for n in range(9)]
    results = await outcomes(scratch.committer(), units)
    winners = [n for n, result in enumerate(results) if result is None]
    assert len(winners) == 1
    assert all(isinstance(result, NothingMatched) for result in results if result is not None)
    assert scratch.db["things"].find_one() == {"_id": "seat", "owner": winners[0]}
    assert [event["sequence"] for event in scratch.events()] == winners


async def test_updates_that_need_no_match_do_not_excuse_those_that_do(scratch: Scratch) -> None:
    """MongoDB counts the matches of a whole command: an upsert must not make up for a miss."""
    units = [changing(n, {"$set": {"a": 1}}, upsert=True) for n in range(5)]
    units.insert(2, changing("nobody", {"$set": {"a": 1}}, must_match=True))
    results = await outcomes(scratch.committer(), units)
    assert isinstance(results.pop(2), NothingMatched)
    assert results == [None] * 5
    assert scratch.ids() == [0, 1, 2, 3, 4]


async def test_an_update_that_may_miss_is_no_failure(scratch: Scratch) -> None:
    assert await outcomes(scratch.committer(), [changing("nobody", {"$set": {"a": 1}}), inserting("new")]) == [
        None,
        None,
    ]
    assert scratch.ids() == ["new"]


async def test_units_too_large_for_one_transaction_are_stored(scratch: Scratch) -> None:
    """Each may be stored; together they exceed what MongoDB takes in a command, a document or a message."""
    units = []
    for number in range(60):
        unit = inserting(number, value="x" * 1_000_000)
        unit.events.append({"station": f"S{number}", "payload": b"y" * 1_000_000})
        units.append(unit)
    assert await outcomes(scratch.committer(), units) == [None] * 60
    assert scratch.ids() == list(range(60))
    assert (
        scratch.db["outbox"].aggregate([{"$group": {"_id": None, "n": {"$sum": {"$size": "$events"}}}}]).next()["n"]
        == 60
    )


# -- Order ---------------------------------------------------------------------------------------


async def test_changes_of_a_document_keep_their_order(scratch: Scratch) -> None:
    scratch.db["things"].insert_one({"_id": "list", "numbers": []})
    committer = scratch.committer(batch_units=3)
    units = []
    for number in range(100):
        units.append(changing("list", {"$push": {"numbers": number}}))
        units.append(inserting(f"filler {number}"))
    assert await outcomes(committer, units) == [None] * 200
    document = scratch.db["things"].find_one({"_id": "list"})
    assert document is not None
    assert document["numbers"] == list(range(100))
    assert scratch.traffic.most_transactions == 2, "the order held although two batches were under way"


async def test_who_waits_for_one_document_is_not_overtaken_at_another(scratch: Scratch) -> None:
    scratch.db["things"].insert_one({"_id": "list", "numbers": []})
    committer = scratch.committer()
    first = changing("contested", {"$set": {"a": 1}})
    first.updates += changing("list", {"$push": {"numbers": 1}}).updates
    with held(scratch, "contested"):
        stuck = asyncio.create_task(committer.commit(changing("contested", {"$set": {"a": 0}})))
        async with asyncio.timeout(DEADLINE):
            await scratch.traffic.conflict.wait()
        tasks = [
            asyncio.create_task(committer.commit(unit)) for unit in (first, changing("list", {"$push": {"numbers": 2}}))
        ]
        assert await stays_waiting(tasks[1])
    await asyncio.gather(stuck, *tasks)
    document = scratch.db["things"].find_one({"_id": "list"})
    assert document is not None
    assert document["numbers"] == [1, 2]


async def test_the_events_of_a_station_keep_their_order(scratch: Scratch) -> None:
    committer = scratch.committer(batch_units=4)
    units = [inserting(f"{n}/{s}").event(f"S{s}", n) for n in range(40) for s in range(5)]
    assert await outcomes(committer, units) == [None] * 200
    events = scratch.events()
    for s in range(5):
        assert [e["sequence"] for e in events if e["station"] == f"S{s}"] == list(range(40))
    assert scratch.traffic.most_transactions == 2


# -- A database in trouble -------------------------------------------------------------------------


async def test_a_write_conflict_is_tried_again(scratch: Scratch) -> None:
    committer = scratch.committer()
    with held(scratch, "contested") as session:
        task = asyncio.create_task(committer.commit(changing("contested", {"$set": {"ours": True}})))
        async with asyncio.timeout(DEADLINE):
            await scratch.traffic.conflict.wait()
        assert not task.done()
        session.commit_transaction()
        async with asyncio.timeout(DEADLINE):
            await task
    assert scratch.db["things"].find_one() == {"_id": "contested", "held": True, "ours": True}


async def test_others_go_on_while_one_batch_meets_conflicts(scratch: Scratch) -> None:
    committer = scratch.committer()
    with held(scratch, "contested"):
        stuck = asyncio.create_task(committer.commit(changing("contested", {"$set": {"a": 1}})))
        async with asyncio.timeout(DEADLINE):
            await scratch.traffic.conflict.wait()
        assert await outcomes(committer, [inserting(n) for n in range(50)]) == [None] * 50
        assert not stuck.done()
    await stuck


async def test_after_the_time_limit_callers_are_told(scratch: Scratch) -> None:
    committer = scratch.committer(timeout=0.5)
    with held(scratch, "contested"):
        units = [changing("contested", {"$set": {"a": 1}}).event("S1", 1), inserting("neighbour")]
        results = await outcomes(committer, units)
    assert all(isinstance(result, StorageUnavailable) for result in results)
    assert scratch.events() == []
    assert await outcomes(committer, units) == [None, None], "a retry is safe"


async def test_callers_beyond_the_limit_wait_outside(scratch: Scratch) -> None:
    """What is queued stays bounded however many call: so no transaction can be larger than the queue."""
    committer = scratch.committer(queue_units=10)
    assert await outcomes(committer, [inserting(n) for n in range(200)]) == [None] * 200
    assert scratch.traffic.most_documents == 10
    assert len(scratch.ids()) == 200


async def test_a_full_queue_lets_nobody_in_until_there_is_room(scratch: Scratch) -> None:
    committer = scratch.committer(queue_units=1)
    with held(scratch, "contested"):
        first = asyncio.create_task(committer.commit(changing("contested", {"$set": {"a": 1}})))
        second = asyncio.create_task(committer.commit(inserting("second")))
        assert await stays_waiting(second)
    await asyncio.gather(first, second)
    assert scratch.ids() == ["contested", "second"]


async def test_a_caller_who_gives_up_harms_nobody(scratch: Scratch) -> None:
    committer = scratch.committer(queue_units=3)
    with held(scratch, "contested"):
        tasks = [
            asyncio.create_task(committer.commit(unit))
            for unit in (inserting("a"), changing("contested", {"$set": {"x": 1}}), inserting("b"))
        ]
        async with asyncio.timeout(DEADLINE):
            await scratch.traffic.conflict.wait()
        tasks[1].cancel()
        await asyncio.gather(tasks[1], return_exceptions=True)
    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(tasks[0], tasks[2])
        # As much room as before: all three places can be taken again.
        await asyncio.gather(*(committer.commit(inserting(name)) for name in "cde"))
    assert {"a", "b", "c", "d", "e"} <= set(scratch.ids())


async def test_flush_returns_when_everything_is_settled(scratch: Scratch) -> None:
    committer = scratch.committer(batch_units=7)
    tasks = [asyncio.create_task(committer.commit(inserting(n))) for n in range(100)]
    await asyncio.sleep(0)
    async with asyncio.timeout(DEADLINE):
        await committer.flush()
    assert len(scratch.ids()) == 100
    await asyncio.gather(*tasks)


async def test_flush_of_an_idle_committer_returns_at_once(scratch: Scratch) -> None:
    async with asyncio.timeout(DEADLINE):
        await scratch.committer().flush()
