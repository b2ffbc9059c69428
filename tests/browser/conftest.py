"""A real Chromium at somebody's desk: signed in, with what it complains about collected.

Every test ends by asserting that the page raised no error and broke no content security policy.
"""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from annotation.models import User

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
REQUEST_WORDS = ("Failed to load resource", "Response Status Error Code", "htmx:")
PATIENCE_MS = 20_000
WIDE, NARROW = (1440, 900), (390, 844)

SitDown = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("There is no Chromium here: apt-get install chromium.")
    # Playwright keeps an event loop in this thread; nothing of ours runs in it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def sit_down(
    chromium: Browser, live_server: LiveServer, complaints: list[str]
) -> Iterator[SitDown]:
    """sit_down(ana, "/judge/kitchen/") is a page, signed in as Ana, at that address."""
    contexts = []

    def sit(
        user: User | None = None,
        path: str = "/",
        *,
        size: tuple[int, int] = WIDE,
        theme: str = "light",
        **options: object,
    ) -> Page:
        context = chromium.new_context(
            base_url=live_server.url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=theme,
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        if user is not None:
            context.add_cookies([_session(user, live_server.url)])
        page = context.new_page()
        page.on("console", lambda message: _note(message, complaints))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield sit
    for context in contexts:
        context.close()
    assert complaints == []


def _session(user: User, url: str) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": url}


def _note(message: ConsoleMessage, complaints: list[str]) -> None:
    """What the page itself got wrong; that a request was refused or lost is not."""
    if message.type in {"error", "warning"} and not message.text.startswith(REQUEST_WORDS):
        complaints.append(message.text)
