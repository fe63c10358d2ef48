"""The content security policy in a real browser: our own pages work under it, and what it is there for is stopped."""

from __future__ import annotations

import pytest

from tests.people import Installed
from tests.web.chromium import Browser

PAGES = (
    "/admin/",
    "/admin/chargepoints/chargepoint/",
    "/admin/chargepoints/chargepoint/add/",
    "/admin/chargepoints/command/",
    "/admin/tenant/",
)


async def test_pages_of_the_admin_break_no_rule(browser: Browser, charger: Installed) -> None:
    for page in PAGES:
        trouble = await browser.open(page)

        assert trouble.found() == {}, page
        # Alpine works: it takes the attribute away that hides the page until it does.
        assert await browser.run("document.documentElement.hasAttribute('x-cloak')") is False


async def test_swagger_ui_works(browser: Browser) -> None:
    trouble = await browser.open("/api/docs")

    shown = (
        "new Promise((done) => { const look = () => { const n = document.querySelectorAll('.opblock').length;"
        " n > 20 ? done(n) : setTimeout(look, 50); }; look(); })"
    )
    assert await browser.run(shown) > 20
    assert trouble.found() == {}


@pytest.mark.parametrize("page", ["/admin/", "/api/docs"])
async def test_injected_scripts_do_not_run(browser: Browser, page: str) -> None:
    await browser.open(page)

    await browser.run(
        """{
        const holder = document.createElement('div');
        holder.innerHTML = '<img src="/nowhere" onerror="xss(1)">';
        document.body.append(holder);
        const inline = document.createElement('script');
        inline.textContent = 'xss(2)';
        document.body.append(inline);
        location.href = 'javascript:xss(3)';
        new Promise((done) => { const foreign = document.createElement('script');
          foreign.src = 'https://attacker.example/x.js'; foreign.onerror = () => done(true);
          document.body.append(foreign); }) }"""
    )

    assert browser.trouble.alarms == []
    refused = [error for error in browser.trouble.errors if "Content Security Policy" in error]
    assert len(refused) >= 3, browser.trouble


async def test_the_alarm_rings(browser: Browser) -> None:
    await browser.open("/admin/")

    await browser.run("xss('test')")

    assert len(browser.trouble.alarms) == 1
