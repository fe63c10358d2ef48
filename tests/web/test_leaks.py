"""The search for secrets that ends each run (`tests/leak_watch.py`) finds what it is meant to find."""

from __future__ import annotations

import base64

import pytest

from csms.logs import without_api_keys
from csms.shown_urls import shown_url, with_shown_urls
from tests.leaks import keep_secret, leaks_in

# Fixed: the workers of a run must agree on the names of the tests.
KEY = "7f3d09c2b6e84a51d0c97e26f8b13a4455ce9012"


@pytest.mark.parametrize(
    "text",
    [
        f'{{"event": "refused", "key": "{KEY}"}}',
        f"password={KEY}",
        f"https://user:{KEY}@files.example/",
        f"Not Found: /api/v1/sessions/{KEY}/meter-values",
        KEY.upper(),
        KEY.encode().hex(),
        "Authorization: Basic " + base64.b64encode(f"CP001:{KEY}".encode()).decode(),
        base64.b64encode(f"CP001:{KEY}".encode()).decode(),
        "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoxfQ.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw",
        f"csms_{'0' * 16}_{'a' * 64}",
        "mongodb://csms:hunter2@db/",
        "-----BEGIN PRIVATE KEY-----",
        f"/uploads/{'a' * 60}.{'b' * 27}",
    ],
)
def test_found(text: str) -> None:
    keep_secret(KEY, "CP001")

    (leak, *_) = leaks_in(text.encode(), "here")

    assert leak.where == "here"
    assert KEY not in leak.around


@pytest.mark.parametrize(
    "text", ["ftp://***@h/x", "https://h/uploads/***/x", KEY[::-1], "basic", "http://127.0.0.1:8081/a@b"]
)
def test_not_found(text: str) -> None:
    assert list(leaks_in(text.encode(), "here")) == []


@pytest.mark.parametrize("text", ["short", "0" * 40, "ab" * 20])
def test_what_is_found_everywhere_is_not_looked_for(text: str) -> None:
    keep_secret(text)

    assert list(leaks_in(f"id {text} x".encode(), "here")) == []


def test_logs_leave_out_the_secret_of_an_api_key() -> None:
    key = f"csms_{'0' * 16}_{'a' * 64}"
    entry = without_api_keys(None, "info", {"event": f"Not Found: /api/v1/sessions/{key}", "status": 404})
    assert entry == {"event": f"Not Found: /api/v1/sessions/csms_{'0' * 16}_***", "status": 404}


def test_urls_are_shown_without_what_opens_doors() -> None:
    assert shown_url("ftp://user:hunter2@files.example/in") == "ftp://***@files.example/in"
    assert shown_url("https://h/uploads/abc.def/x") == "https://h/uploads/***/x"
    assert with_shown_urls({"log": {"remoteLocation": "ftp://a:b@h/"}, "n": [1, "x"]}) == {
        "log": {"remoteLocation": "ftp://***@h/"},
        "n": [1, "x"],
    }
