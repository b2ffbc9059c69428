"""A real Chromium at somebody's desk: signed in, with what it complains about collected.

Every test ends by asserting that the page raised no error and broke no content security policy.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from threading import Condition

import pytest
from django.conf import settings
from django.core.signals import request_finished, request_started
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


class UnderWay:
    """How many requests the server is answering: a test ends when there are none."""

    def __init__(self) -> None:
        self.number = 0
        self.changed = Condition()

    def count(self, step: int) -> None:
        with self.changed:
            self.number += step
            self.changed.notify_all()

    def wait(self) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.number <= 0, timeout=20)


@pytest.fixture
def under_way() -> Iterator[UnderWay]:
    counter = UnderWay()

    def begun(**_: object) -> None:
        counter.count(1)

    def ended(**_: object) -> None:
        counter.count(-1)

    request_started.connect(begun)
    request_finished.connect(ended)
    yield counter
    request_started.disconnect(begun)
    request_finished.disconnect(ended)


@pytest.fixture
def sit_down(
    chromium: Browser, live_server: LiveServer, complaints: list[str], under_way: UnderWay
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
        for page in context.pages:
            page.goto("about:blank")  # lets a page send what it has begun
        context.close()
    under_way.wait()
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
