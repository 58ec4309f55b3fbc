"""A real Chromium: the system's where there is one, else Playwright's own."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, ViewportSize

# Without a sandbox, because root has none; the pages are ours.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
]
WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


def chromium(playwright: Playwright) -> str | None:
    """The program to start; None where there is none."""
    own = playwright.chromium.executable_path
    return next(
        (
            path
            for path in (shutil.which("chromium"), shutil.which("google-chrome"), own)
            if path and Path(path).exists()
        ),
        None,
    )


def launched(playwright: Playwright, program: str) -> Browser:
    return playwright.chromium.launch(executable_path=program, args=ARGUMENTS)


class Watched:
    """A browser context whose complaints are kept: errors of the page, and third parties that it asked."""

    def __init__(self, context: BrowserContext, own: set[str]) -> None:
        self.context = context
        self.complaints: list[str] = []
        self._own = own
        context.on("console", self._said)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", self._asked)

    def page(self) -> Page:
        return self.context.new_page()

    def _said(self, message: ConsoleMessage) -> None:
        # An answer that is no success is the story's to judge; what the page itself got wrong is not.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        place = urlsplit(request.url)
        if place.scheme in ("http", "https", "ws", "wss") and place.netloc not in self._own:
            self.complaints.append(f"asked a third party: {request.url}")
