"""The message log inside one event loop: bounded, and without what must not be kept."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_gateway import message_log
from ocpp_gateway.message_log import MAX_CHARACTERS, MAX_FRAMES, Journal, MessageLog
from ocpp_gateway.protocol.redaction import redacted, redacted_text
from tests.people import Operator


async def test_what_does_not_fit_is_dropped_and_counted(anna: Operator) -> None:
    messages = MessageLog()
    journal = Journal(messages, anna.record(message_log="all"), "CP1")
    for number in range(MAX_FRAMES + 5):
        journal.called(str(number), "Reset", "[]")
    assert messages.dropped == 5
    messages = MessageLog()
    journal = Journal(messages, anna.record(message_log="all"), "CP1")
    for number in range(5):
        journal.called(str(number), "Reset", "x" * (MAX_CHARACTERS // 2))
    assert messages.dropped == 3


async def test_a_frame_that_cannot_be_read_again_harms_no_other(anna: Operator) -> None:
    messages = MessageLog()
    journal = Journal(messages, anna.record(message_log="all"), "unreadable")
    for text in ('[2,"1","Reset",{}]', "[2,", "[9]", "[]", '[2,"2","Reset",{}]'):
        journal.called("1", "Reset", text)
    await messages.flush()
    stored = anna.db[message_log.MESSAGES].find({"charge_point_id": "unreadable"}).sort("message_id", 1)
    assert [one["message_id"] for one in stored] == ["1", "2"]


@pytest.mark.parametrize(
    "payload, expected",
    [
        ({"idTag": "T"}, {"idTag": "***"}),
        (
            {"idTagInfo": {"status": "Accepted", "parentIdTag": "P"}},
            {"idTagInfo": {"status": "Accepted", "parentIdTag": "***"}},
        ),
        ({"localAuthorizationList": [{"idTag": "T"}]}, {"localAuthorizationList": [{"idTag": "***"}]}),
        ({"key": "authorizationKey", "value": "x"}, {"key": "authorizationKey", "value": "***"}),
        ({"key": "HeartbeatInterval", "value": "60"}, {"key": "HeartbeatInterval", "value": "60"}),
        ({"key": ["AuthorizationKey"]}, {"key": ["AuthorizationKey"]}),
        ({"location": "ftp://a:b@h/x"}, {"location": "ftp://***@h/x"}),
        ({"location": "https://h/uploads/abc.def/x"}, {"location": "https://h/uploads/***/x"}),
        ({"n": [1, None, True, "a@b"]}, {"n": [1, None, True, "a@b"]}),
    ],
)
def test_what_identifies_or_opens_is_hidden(payload: Any, expected: Any) -> None:
    assert redacted(payload) == expected


def test_a_description_quotes_no_tag() -> None:
    assert redacted_text('idTag: "TAG1" is longer than 20 characters') == "idTag: ***"
    assert redacted_text("unknown IdTag 5") == "***"
    assert redacted_text('status: "Lost" is not one of "A"') == 'status: "Lost" is not one of "A"'
