"""Frames of OCPP-J made at random: valid ones, and valid ones with something wrong in their text or their structure."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from ocpp_gateway.protocol.schemas import actions_for_stations, known_actions
from ocpp_gateway.protocol.versions import OcppVersion
from tests.fuzz.schema_values import request_maker, response_maker
from tests.gateway.v16.odd_values import odd_value, places_in

COMMANDS = sorted(actions_for_stations(OcppVersion.V16))
# DataTransfer goes both ways.
MESSAGES = sorted((known_actions(OcppVersion.V16) - actions_for_stations(OcppVersion.V16)) | {"DataTransfer"})
_ACTIONS = [*MESSAGES, *COMMANDS, "heartbeat", "Nonsense", "", "../../etc", "MeterValuesResponse"]
_ODD_FRAMES = (
    "",
    "[]",
    "{}",
    "null",
    "2",
    "[2]",
    '[2,"a"]',
    '[2,"a","Heartbeat"]',
    '[2,"a","Heartbeat",{},1]',
    '[2,1,"Heartbeat",{}]',
    '[2,"","Heartbeat",{}]',
    '["2","a","Heartbeat",{}]',
    "[3]",
    '[3,"a"]',
    '[3,"a",[]]',
    '[4,"a"]',
    '[4,"a",1,2,3]',
    '[5,"a",{}]',
    '[2.0,"a","Heartbeat",{}]',
    '[true,"a"]',
    "[" * 5000,
    '[2,"a","Heartbeat",' + '{"a":' * 2000 + "1" + "}" * 2000 + "]",
    '[2,"a","Heartbeat",{"n":' + "9" * 5000 + "}]",
    '[2,"a","Heartbeat",{"n":NaN}]',
    '[2,"a","Heartbeat",{"n":1e999}]',
    '[2,"a","Heartbeat",{"\\ud800":1}]',
    '[2,"' + "x" * 300 + '","Heartbeat",{}]',
    '\ufeff[2,"a","Heartbeat",{}]',
)


class Made(NamedTuple):
    """A CALL: its text, and what it says."""

    text: str
    message_id: str
    action: str
    payload: dict[str, Any]


def call(random: Random, number: int) -> Made:
    """Return a valid CALL of any action that stations send."""
    action = random.choice(MESSAGES)
    payload = request_maker(action)(random)
    message_id = f"f{number}"
    return Made(_text([2, message_id, action, payload]), message_id, action, payload)


def result(random: Random, number: int) -> Made:
    """Return a valid CALLRESULT to any command."""
    action = random.choice(COMMANDS)
    payload = response_maker(action)(random)
    message_id = f"r{number}"
    return Made(_text([3, message_id, payload]), message_id, action, payload)


def _text(frame: list[Any]) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


# -- Mutations ---------------------------------------------------------------------------------------


def mutated(random: Random, made: Made) -> str:
    """Return a frame's text with one thing wrong: in its characters, its elements or its fields."""
    return random.choice(_MUTATIONS)(random, made)


def _cut(random: Random, made: Made) -> str:
    return made.text[: random.randrange(len(made.text))]


def _flipped(random: Random, made: Made) -> str:
    place = random.randrange(len(made.text))
    return made.text[:place] + random.choice('"[]{},:0-eE.\\ \0\u2028😀n') + made.text[place + 1 :]


def _doubled(random: Random, made: Made) -> str:
    begin = random.randrange(len(made.text))
    end = begin + random.randint(1, 12)
    return made.text[:end] + made.text[begin:]


def _other_element(random: Random, made: Made) -> str:
    frame = json.loads(made.text)
    frame[random.randrange(len(frame))] = odd_value(random)
    return _dumped(frame)


def _elements_moved(random: Random, made: Made) -> str:
    frame = json.loads(made.text)
    if random.random() < 0.5:
        random.shuffle(frame)
    else:
        frame.insert(random.randrange(len(frame) + 1), odd_value(random, depth=3))
    return _dumped(frame)


def _other_fields(random: Random, made: Made) -> str:
    frame = json.loads(made.text)
    places = places_in(frame[-1])
    if not places:
        frame[-1] = {"odd": odd_value(random)}
    for holder, key in random.sample(places, min(len(places), random.randint(1, 2))):
        if random.random() < 0.3 and isinstance(holder, dict):
            holder.pop(key, None)
        else:
            holder[key] = odd_value(random)
    return _dumped(frame)


def _other_action(random: Random, made: Made) -> str:
    frame = json.loads(made.text)
    frame[2:3] = [random.choice(_ACTIONS)]
    return _dumped(frame)


def _key_twice(random: Random, made: Made) -> str:
    return made.text.replace("{", '{"idTag":1,"idTag":{},', 1)


def _odd(random: Random, made: Made) -> str:
    return random.choice(_ODD_FRAMES)


_MUTATIONS: tuple[Callable[[Random, Made], str], ...] = (
    _cut,
    _flipped,
    _flipped,
    _doubled,
    _other_element,
    _elements_moved,
    _other_fields,
    _other_fields,
    _other_fields,
    _other_fields,
    _other_action,
    _key_twice,
    _odd,
)


def _dumped(frame: Any) -> str:
    """Return any JSON as text; a surrogate that is no character can only be sent escaped."""
    text = json.dumps(frame, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(frame)
    return text
