"""Chromium without a window, driven over pipes: what a reader of a page sees and does."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Bytes at once from the browser.
CHUNK = 1 << 20
#: The browser reads from descriptor 3 and writes to descriptor 4.
START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
#: Events of these kinds are mistakes of a page.
MISTAKES = ("Runtime.exceptionThrown", "Log.entryAdded")


def chromium() -> str | None:
    """The browser's program; None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


class Page:
    """One tab of a browser that reads commands from one pipe and answers through another."""

    def __init__(self, to: int, answers: int, width: int, height: int) -> None:
        self._to, self._from = to, answers
        self._number, self._rest, self._events = 0, b"", list[dict[str, Any]]()
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.resize(width, height)

    def resize(self, width: int, height: int) -> None:
        """Give the page another size, pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Ask the browser something and wait for its answer; events that come before are kept."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                found: dict[str, Any] = answer["result"]
                return found
            self._events.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            chunk = os.read(self._from, CHUNK)
            if not chunk:
                raise RuntimeError("the browser has ended")
            self._rest += chunk
        text, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        return found

    def open(self, address: str, **media: str) -> None:
        """Load a page and wait until it is there; `media` are features such as `prefers_color_scheme`."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.call("Emulation.setEmulatedMedia", features=features)
        self._events.clear()
        self.call("Page.navigate", url=address)
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._next())

    def run(self, script: str) -> Any:
        """What a script (which may wait) comes to."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"].get("description", "an exception"))
        return found["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait, frame by frame, until a condition holds."""
        self.run(
            "new Promise((done, fail) => { const end = performance.now() + 20000; const look = () => "
            f"({condition}) ? done() : performance.now() > end ? fail(new Error({json.dumps(condition)})) "
            ": requestAnimationFrame(look); look(); })"
        )

    def point(self, x: float, y: float) -> None:
        """Move the mouse there."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at one place and let it go at another."""
        self.point(*start)
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=start[0], y=start[1], button="left", clickCount=1)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=end[0], y=end[1], button="left", buttons=1)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=end[0], y=end[1], button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        text = {"Enter": "\r", " ": " "}.get(key, "")
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=ord(text or "\0"))
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def screenshot(self) -> bytes:
        """What is seen, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    @property
    def mistakes(self) -> list[dict[str, Any]]:
        """Errors of scripts, and what the page's policy refused, since it was opened."""
        return [event for event in self._events if event["method"] in MISTAKES]

    @property
    def requests(self) -> list[str]:
        """Addresses that were asked for since the page was opened; pictures that lie in it are none."""
        sent = (
            event["params"]["request"]["url"]
            for event in self._events
            if event["method"] == "Network.requestWillBeSent"
        )
        return [address for address in sent if not address.startswith("data:")]


@contextmanager
def browser(profile: Path, width: int = 1300, height: int = 900) -> Iterator[Page]:
    """A tab of a browser of one's own, with an empty profile. Raises where no browser is installed."""
    program = chromium()
    if program is None:
        raise RuntimeError("Chromium is not installed: `apt install chromium`")
    (theirs_in, to), (answers, theirs_out) = os.pipe(), os.pipe()
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
    options += ["--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
    high = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (theirs_in, theirs_out)]
    process = subprocess.Popen(
        [sys.executable, "-c", START, *map(str, high), program, *options],
        pass_fds=high,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    for one in (theirs_in, theirs_out, *high):
        os.close(one)
    try:
        yield Page(to, answers, width, height)
    finally:
        os.close(to)  # the end of its commands tells the browser to leave
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(answers)
