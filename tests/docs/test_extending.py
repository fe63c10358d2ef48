"""The receiver in `docs/extending.md` works as it stands there."""

from __future__ import annotations

from typing import Any

from events.facts import session_stopped
from tests.docs.pages import blocks, read
from tests.docs.recorded_charge import STATION, charge_played


def receiver_on_page() -> dict[str, Any]:
    """Run the page's code and return what it defines; its receiver lives as long as that."""
    (block,) = (block for block in blocks(read("docs/extending.md"), "python") if block.label == "receiver")
    names: dict[str, Any] = {}
    exec(compile(block.text, "docs/extending.md", "exec"), names)  # our own page
    return names


async def test_the_receiver_adds_to_the_daily_energy() -> None:
    names = receiver_on_page()
    try:
        async with charge_played() as database:
            days = await database["daily_energy"].find().to_list()
    finally:
        session_stopped.signal.disconnect(names["add_to_daily_energy"])
    assert {day["_id"].split("/")[0] for day in days} == {STATION}
    # The charge of 184 Wh, and a stop without a start, which counts as none.
    assert sum(day["energy_wh"] for day in days) == 184
    assert sum(day["sessions"] for day in days) == 2
