"""A browser for tests of HTML pages: Chromium without a window, and all that it says about a page."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER: Final = shutil.which("chromedriver")
_LONGEST_S: Final = 30
_LOCAL: Final = ("file:", "data:", "about:", "blob:", "devtools:", "chrome:")


class Browser:
    """Chromium with a page.

    Args:
        driver: the browser's driver.
    """

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, page: Path, fragment: str = "", *, script: bool = True) -> None:
        """Show a page of a file from its beginning, and wait until its script has made the list."""
        self.visit(f"{page.as_uri()}{fragment}", script=script)
        if script:
            self.wait("document.documentElement.hasAttribute('data-ready')")

    def visit(self, url: str, *, script: bool = True) -> None:
        """Show the page at an address from its beginning."""
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
        self.driver.get("about:blank")
        self.logs("browser"), self.logs("performance")  # of the page before
        self.driver.get(url)

    def wait(self, condition: str) -> None:
        """Wait until a JavaScript expression is true."""
        WebDriverWait(self.driver, _LONGEST_S, 0.02).until(lambda driver: driver.execute_script(f"return {condition}"))

    def run(self, script: str, *arguments: Any) -> Any:
        """Return the result of a JavaScript expression."""
        return self.driver.execute_script(f"return {script}", *arguments)

    def texts(self, selector: str) -> list[str]:
        """Return the visible text of each element that matches, with single spaces."""
        found = self.run("[...document.querySelectorAll(arguments[0])].map(one => one.innerText)", selector)
        return [" ".join(one.split()) for one in found]

    def look(self, width: int, theme: str = "light") -> None:
        """Show the page in a window of this width, and in a light or a dark theme."""
        feature = {"name": "prefers-color-scheme", "value": theme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def violations(self, within: str = "html", *, rule: str = "") -> list[tuple[str, str]]:
        """Return what axe-core holds against the page: the rule, and the first element that breaks it.

        Args:
            within: the selector of the part to check.
            rule: the only rule to check, if all would take too long.
        """
        if not self.run("'axe' in window"):
            self.driver.execute_script(files("axe_core_python").joinpath("axe.min.js").read_text("utf-8"))
        options = {"resultTypes": ["violations"], **({"runOnly": [rule]} if rule else {})}
        found = self.driver.execute_async_script(
            "axe.run(arguments[0], arguments[1]).then(arguments[2])", within, options
        )
        return [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]]

    def logs(self, kind: str) -> list[dict[str, Any]]:
        """Return the entries of a log since the last call."""
        return list(self.driver.get_log(kind))  # type: ignore[no-untyped-call]

    def complaints(self) -> list[str]:
        """Return the messages of the console: errors of scripts, and violations of the page's security policy."""
        return [entry["message"] for entry in self.logs("browser")]

    def requests(self) -> list[str]:
        """Return the addresses of all requests."""
        events = [json.loads(entry["message"])["message"] for entry in self.logs("performance")]
        return [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]

    def requests_to_others(self) -> list[str]:
        """Return the addresses of requests that leave the machine's files."""
        return [one for one in self.requests() if not one.startswith(_LOCAL)]


def missing() -> str:
    """Return the reason why there is no browser; empty if there is one."""
    return "" if CHROMIUM and DRIVER else "needs chromium and chromedriver on the PATH"


@contextmanager
def browser() -> Iterator[Browser]:
    """Run a browser."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in ("--headless=new", "--disable-dev-shm-usage", "--hide-scrollbars", "--window-size=1280,900"):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # the sandbox refuses root, as whom containers run
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
