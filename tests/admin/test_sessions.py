"""Sessions: a list to search, and a page with meter values as chart and table. Nothing of it can be edited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sessions_app.models import ChargingSession, MeterValue
from tenants.admin_site import paging
from tenants.context import tenant_scope
from tests.admin.charges import NOON, store_readings, store_session
from tests.admin.conftest import Network

PAGE = "sessions_app_chargingsession"


def test_the_page_tells_what_was_charged(nordlade: Network) -> None:
    store_readings(nordlade.slug, store_session(nordlade.slug, "s1"), 61)

    text = nordlade.browser("viewer").html(f"{PAGE}_change", "s1")

    for fact in ("CP1", "04a1b2", "12.50 kWh", "1 h 05 min", "11.5 kW", "2026-05-01 12:00", "local", "connector 1"):
        assert fact in text
    for cell in ("2026-05-01 13:00:00", "7\u202f000 Wh", "6.0 kW", "40 %", "231 V", "26.1 A"):
        assert cell in text
    assert '<svg class="csms-chart"' in text
    assert "<script>" not in text.split('id="meter-values"')[1].split("</svg>")[0]


def test_the_table_shows_the_newest_readings(nordlade: Network) -> None:
    store_readings(nordlade.slug, store_session(nordlade.slug, "s1"), 230)

    answer = nordlade.browser("viewer").get(f"{PAGE}_change", "s1")

    assert len(answer.context["rows"]) == 200
    assert answer.context["rows"][0][0] == "2026-05-01 15:49:00"
    assert "The newest 200 are shown" in answer.content.decode()


def test_readings_of_other_sessions_are_not_shown(nordlade: Network) -> None:
    store_session(nordlade.slug, "s1")
    store_readings(nordlade.slug, store_session(nordlade.slug, "s2", transaction_id=18), 3)
    assert "sent no meter values" in nordlade.browser("viewer").html(f"{PAGE}_change", "s1")


def test_an_active_session_shows_its_power_and_refreshes_itself(nordlade: Network) -> None:
    store_session(
        nordlade.slug,
        "s1",
        status="active",
        stop_time=None,
        stop_meter_value=None,
        start_time=datetime.now(UTC) - timedelta(minutes=5),
        power_w=7400.0,
        soc_percent=61.0,
    )
    text = nordlade.browser("viewer").html(f"{PAGE}_change", "s1")
    assert ">7.4 kW<" in text
    assert ">61 %<" in text
    assert "5 min" in text
    assert 'hx-trigger="every 15s"' in text
    assert "7.4 kW" in nordlade.browser("viewer").html(f"{PAGE}_changelist")


def test_an_orphan_has_a_page_too(nordlade: Network) -> None:
    store_session(
        nordlade.slug,
        "orphan",
        evse_id=None,
        connector_id=None,
        transaction_id=None,
        start_time=None,
        start_meter_value=None,
        id_tag="",
        quality=["orphan", "transaction:77"],
    )
    text = nordlade.browser("viewer").html(f"{PAGE}_change", "orphan")
    assert "unknown outlet" in text
    assert "transaction:77" in text


def test_readings_without_numbers_break_nothing(nordlade: Network) -> None:
    session = store_session(nordlade.slug, "s1")
    with tenant_scope(nordlade.slug):
        for minute, value in enumerate(["30Ab", None, 5]):
            MeterValue.objects.create(
                session=session,
                charge_point_id="CP1",
                evse_id=1,
                timestamp=NOON + timedelta(minutes=minute),
                received_at=NOON,
                samples=[{"measurand": "Power.Active.Import", "value": value, "unit": "W"}],
            )
    nordlade.browser("viewer").html(f"{PAGE}_change", "s1")


def test_the_list_finds_and_filters(nordlade: Network) -> None:
    now = datetime.now(UTC)
    slug = nordlade.slug
    store_session(slug, "today", transaction_id=101, start_time=now, received_at=now, id_tag="fleet1")
    store_session(slug, "old", transaction_id=102, charge_point_id="CP2", quality=["late"])
    store_session(slug, "late", transaction_id=103, charge_point_id="CP22", received_at=now, status="faulted")
    browser = nordlade.browser("viewer")

    def found(**query: str) -> set[str]:
        return {row.pk for row in browser.get(f"{PAGE}_changelist", **query).context["cl"].result_list}

    assert found() == {"today", "old", "late"}
    assert found(q="FLEET") == {"today"}
    assert found(q="102") == {"old"}
    assert found(q="CP2") == {"old", "late"}
    assert found(q="9" * 40) == set()
    assert found(station="CP2") == {"old", "late"}
    assert found(station="CP22") == {"late"}
    assert found(period="today") == {"today"}  # what arrives today began in May
    assert found(status__exact="faulted") == {"late"}
    assert found(doubts="flagged") == {"old"}
    assert found(doubts="clean") == {"today", "late"}


@pytest.mark.parametrize("text", [".*", "$where", "(", "\\", "a{1000}", "[", "'"])
def test_a_search_is_text_and_no_pattern(nordlade: Network, text: str) -> None:
    store_session(nordlade.slug, "s1")
    answer = nordlade.browser("viewer").get(f"{PAGE}_changelist", q=text)
    assert answer.status_code == 200
    assert answer.context["cl"].result_count == 0


def test_strings_of_stations_are_escaped(nordlade: Network) -> None:
    nordlade.installs("CP1")
    evil = "<script>alert(1)</script>"
    fields = {"id_tag": evil, "stop_id_tag": evil, "stop_reason": evil[:30], "charge_point_id": evil}
    session = store_session(nordlade.slug, "s1", quality=[evil], **fields)
    with tenant_scope(nordlade.slug):
        MeterValue.objects.create(
            session=session,
            charge_point_id="CP1",
            evse_id=1,
            timestamp=NOON,
            received_at=NOON,
            samples=[{"measurand": evil, "value": evil, "unit": evil}],
        )
    browser = nordlade.browser("viewer")
    for text in (browser.html(f"{PAGE}_change", "s1"), browser.html(f"{PAGE}_changelist"), browser.html("index")):
        assert "<script>alert(1)" not in text
        assert "&lt;script&gt;alert(1)" in text


def test_a_long_list_is_estimated_not_counted(nordlade: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "COUNTED_AT_MOST", 3)
    for number in range(5):
        store_session(nordlade.slug, f"s{number}", transaction_id=number + 1)
    with tenant_scope(nordlade.slug):
        everything = ChargingSession.objects.order_by("id")
        assert paging.EstimatedPaginator(everything, 2).count == 5
        assert paging.EstimatedPaginator(everything.filter(status="completed"), 2).count == 3
        assert paging.EstimatedPaginator(everything.filter(status="active"), 2).count == 0
