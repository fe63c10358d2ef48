"""What a hostile station says: its texts, and payloads that carry one of them in every free string."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Each is cut to the length of its field, so what must be whole stands in the first 20 characters.
TEXTS = {
    "string": "');xss(1);//",
    "attribute": '"><svg onload=xss(2)>',
    "alpine": "<b x-init=xss(3)>x</b>",
    "svg": "<svg onload=xss(4)>",
    "img": "<img src=x onerror=xss(5)>",
    "template": "{{xss(6)}}${xss(6)}",
    "link": "javascript:xss(7)",
    "title": "</title><svg onload=xss(8)>",
    "script": "<script>xss(9)</script>",
    "htmx": "<b hx-on:load=xss(10)>",
    "formula": '=HYPERLINK("//x")+1',
    "terminal": "\x1b[31mred\r\nlevel=ok",
    "letters": "\u202e\U0001f50c\u2028\u0644\u0627&#60;b",
}
# An element or attribute of a page that only a text of these could have made.
MADE = (
    "[onload],[onerror],[x-init*='xss('],[hx-on\\:load],a[href^='javascript:'],img[src='x'],"
    "script:not([src]):not([type])"
)


def schema_of(name: str) -> dict[str, Any]:
    """Return the schema of an OCPP 1.6 message, for example `Authorize` or `DataTransferResponse`."""
    spec = find_spec("ocpp")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).parent / "v16" / "schemas" / f"{name}.json"
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8-sig"))
    return schema


def hostile(name: str, text: str, **fixed: Any) -> dict[str, Any]:
    """Return a payload that fits its schema with every field there, and the text in every free string."""
    schema = schema_of(name)
    payload: dict[str, Any] = _filled(schema, schema.get("definitions", {}), text)
    return payload | fixed


def _filled(schema: dict[str, Any], definitions: dict[str, Any], text: str) -> Any:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    match schema["type"]:
        case "object":
            properties = schema.get("properties", {})
            return {name: _filled(inner, definitions, text) for name, inner in properties.items()}
        case "array":
            return [_filled(schema["items"], definitions, text)]
        case "string":
            return _string(schema, text)
        case kind:
            return kind == "boolean" or 1


def _string(schema: dict[str, Any], text: str) -> str:
    if "enum" in schema:
        return str(schema["enum"][0])
    return "2026-05-01T10:00:00Z" if schema.get("format") == "date-time" else text[: schema.get("maxLength", 500)]
