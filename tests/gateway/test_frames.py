"""OCPP-J frames: every shape that is one, and what becomes of text that is none (OCPP-J 1.6 §4)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocpp_gateway.protocol.errors import ErrorCode
from ocpp_gateway.protocol.frames import (
    MAX_MESSAGE_ID,
    Call,
    CallError,
    CallResult,
    Ignored,
    MalformedFrame,
    encode_call,
    encode_error,
    encode_result,
    parse,
)


def refused(text: str) -> MalformedFrame:
    """Return why a text is refused; fails when it is not."""
    with pytest.raises(MalformedFrame) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    "text, message",
    [
        ('[2,"1","Heartbeat",{}]', Call("1", "Heartbeat", {})),
        ('[2,"1","Heartbeat",null]', Call("1", "Heartbeat", {})),
        (' [ 2 , "1" , "Authorize" , {"idTag":"A"} ] ', Call("1", "Authorize", {"idTag": "A"})),
        ('[2,"ä😀","X",{"a":[1,2.5,true,null]}]', Call("ä😀", "X", {"a": [1, 2.5, True, None]})),
        ('[3,"1",{"status":"Accepted"}]', CallResult("1", {"status": "Accepted"})),
        ('[3,"1",null]', CallResult("1", {})),
        ('[4,"1","NotSupported","no",{"a":1}]', CallError("1", "NotSupported", "no", {"a": 1})),
        ('[4,"1","NotSupported","no"]', CallError("1", "NotSupported", "no", {})),
        ('[4,"1","NotSupported"]', CallError("1", "NotSupported", "", {})),
        ('[4,"1","NotSupported",null,null]', CallError("1", "NotSupported", "", None)),
        ('[4,"1",null,null,{}]', CallError("1", "", "", {})),
    ],
)
def test_a_frame_is_read(text: str, message: Any) -> None:
    assert parse(text) == message


@pytest.mark.parametrize("kind", ["1", "5", "6", "0", "-2", "true", "false", "2.0", "2e0", '"2"', "null", "[2]", "{}"])
def test_a_frame_of_another_type_is_ignored(kind: str) -> None:
    """OCPP-J 1.6 §4.1.3. `true` and `2.0` are no message types, whatever Python thinks of them."""
    assert isinstance(parse(f'[{kind},"1","Heartbeat",{{}}]'), Ignored)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Heartbeat",
        "{}",
        '"2"',
        "2",
        "null",
        "[]",
        "[2]",
        '{"2":"1"}',
        '[2,"1","Heartbeat",{}',
        '[2,"1","Heartbeat",{}]]',
        "[2,'1','Heartbeat',{}]",
        '[2,"1","Heartbeat",{},]',
        '[2,"1","Heartbeat",{}] // hello',
        '\ufeff[2,"1","Heartbeat",{}]',
        '[2,1,"Heartbeat",{}]',
        '[2,null,"Heartbeat",{}]',
        '[2,{},"Heartbeat",{}]',
        '[2,"","Heartbeat",{}]',
    ],
)
def test_what_has_no_readable_id_is_refused_with_minus_one(text: str) -> None:
    error = refused(text)
    assert (error.message_id, error.code) == ("-1", ErrorCode.FORMAT_VIOLATION)


@pytest.mark.parametrize(
    "text",
    [
        '[2,"7"]',
        '[2,"7","Heartbeat"]',
        '[2,"7","Heartbeat",{},{}]',
        '[2,"7",5,{}]',
        '[2,"7",null,{}]',
        '[2,"7","Heartbeat",[]]',
        '[2,"7","Heartbeat",""]',
        '[2,"7","Heartbeat",0]',
        '[2,"7","Heartbeat",false]',
    ],
)
def test_a_call_of_another_shape_is_refused_with_its_id(text: str) -> None:
    error = refused(text)
    assert (error.message_id, error.code) == ("7", ErrorCode.FORMAT_VIOLATION)


@pytest.mark.parametrize(
    "text",
    [
        '[3,"1"]',
        '[3,"1",[]]',
        "[3,1,{}]",
        '[3,"1",{},{}]',
        '[4,"1"]',
        '[4,1,"x","y",{}]',
        '[4,"1","x","y",{},1]',
    ],
)
def test_an_answer_of_another_shape_is_not_answered(text: str) -> None:
    assert refused(text).message_id is None


@pytest.mark.parametrize("length", [36, 37, MAX_MESSAGE_ID])
def test_long_ids_do_no_harm(length: int) -> None:
    """The specification says 36 characters; stations exist that do not keep to it."""
    assert parse(json.dumps([2, "i" * length, "Heartbeat", {}])) == Call("i" * length, "Heartbeat", {})


def test_an_endless_id_is_not_repeated_in_an_answer() -> None:
    assert refused(json.dumps([2, "i" * (MAX_MESSAGE_ID + 1), "Heartbeat", {}])).message_id == "-1"


POISON = {
    "nan": "NaN",
    "infinity": "Infinity",
    "minus infinity": "-Infinity",
    "number beyond a double": "1e400",
    "5,000 digits": "9" * 5000,
    "100,000 open brackets": "[" * 100_000,
    "100,000 open braces": '{"a":' * 100_000,
    "deep but complete": "[" * 5000 + "]" * 5000,
    "high surrogate alone": '"\\ud800"',
    "low surrogate alone": '"\\udc00"',
    "surrogates in the wrong order": '"\\udc00\\ud800"',
    "raw NUL": '"\0"',
    "raw newline": '"\n"',
    "octal": "010",
    "hex": "0x10",
    "plus sign": "+1",
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
def test_poison_is_not_json(poison: str) -> None:
    """Python's own parser takes some of these, and MongoDB, the logs or the next reader would choke on them."""
    error = refused(f'[2,"7","DataTransfer",{{"vendorId":{poison}}}]')
    assert (error.message_id, error.code) == ("-1", ErrorCode.FORMAT_VIOLATION)
    assert len(error.description) < 300


def test_the_last_of_two_equal_keys_counts() -> None:
    call = parse('[2,"1","Authorize",{"idTag":"A","idTag":"B"}]')
    assert call == Call("1", "Authorize", {"idTag": "B"})


def test_an_escaped_nul_is_text() -> None:
    assert parse('[2,"1","Authorize",{"idTag":"a\\u0000b"}]') == Call("1", "Authorize", {"idTag": "a\0b"})


@pytest.mark.parametrize("depth", [300, 990, 1020])
@pytest.mark.parametrize("place", [2, 3, 4])
def test_a_deep_call_error_is_read(depth: int, place: int) -> None:
    """Turning a deep structure into text would need as many nested calls as it is deep."""
    frame = ["4", '"x"', '"NotSupported"', '"no"', "{}"]
    frame[place] = "[" * depth + "]" * depth
    assert isinstance(parse(f"[{','.join(frame)}]"), CallError)


def test_frames_are_written_as_the_specification_says() -> None:
    assert encode_call("1", "Reset", {"type": "Soft"}) == '[2,"1","Reset",{"type":"Soft"}]'
    assert encode_result("1", {}) == '[3,"1",{}]'
    assert encode_error("1", "NotSupported", "no") == '[4,"1","NotSupported","no",{}]'


def test_a_long_description_is_cut() -> None:
    """OCPP-J 1.6 §4.2.3 allows 255 characters."""
    assert len(json.loads(encode_error("1", "InternalError", "ä" * 1000))[3]) == 255
