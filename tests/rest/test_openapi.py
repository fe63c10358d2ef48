"""The OpenAPI document and Swagger UI."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.core.management import call_command

from tests.rest.conftest import Api


@pytest.fixture(scope="module")
def document(django_db_blocker: Any) -> dict[str, Any]:
    found: dict[str, Any] = Api().get("/api/schema").json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, each) for path, methods in document["paths"].items() for method, each in methods.items()]


def test_it_is_valid_and_made_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=io.StringIO())


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        name = f"{method} {path}"
        assert operation["summary"], name
        assert operation["tags"], name
        assert not path.endswith("/"), name
        problems = [code for code, answer in operation["responses"].items() if int(code) >= 400]
        assert {"400", "401", "429", "503"} <= set(problems), name
        for code in problems:
            content = operation["responses"][code]["content"]
            assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        good = [code for code in operation["responses"] if int(code) < 300]
        assert good, name
        assert good == ["204"] or all(operation["responses"][code]["content"] for code in good), name
        body = operation.get("requestBody")
        assert body is None or list(body["content"]) == ["application/json"], name
        assert body is not None or method != "patch", name


def test_lists_are_pages_and_lists_of_sessions_are_csv_too(document: dict[str, Any]) -> None:
    for path in ("sessions", "chargepoints", "id-tokens", "tenants", "sessions/{session_id}/meter-values"):
        operation = document["paths"][f"/api/v1/{path}"]["get"]
        parameters = {parameter["name"] for parameter in operation["parameters"]}
        assert {"cursor", "page_size"} <= parameters
        reference = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        page = document["components"]["schemas"][reference.rpartition("/")[2]]
        assert set(page["properties"]) == {"next", "previous", "results"}
        assert ("text/csv" in operation["responses"]["200"]["content"]) == ("sessions" in path)


def test_tokens_are_asked_for_where_they_are_needed(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        needs_none = path.startswith("/api/v1/auth/")
        assert operation.get("security", [{}]) == ([{}] if needs_none else [{"bearer": []}, {"apiKey": []}]), (
            f"{method} {path}"
        )


def test_it_comes_as_yaml_too() -> None:
    answer = Api().get("/api/schema", {"format": "yaml"})

    assert answer.status_code == 200
    assert answer.content.startswith(b"openapi: 3.")


def test_swagger_ui_needs_no_other_server() -> None:
    page = Api().get("/api/docs").content.decode()
    files = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert files
    assert all(name.startswith("/static/") or name == "/api/docs?script=" for name in files)
    for name in files:
        assert Api().get(name).status_code == 200, name
