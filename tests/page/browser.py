"""Headless Chromium, spoken to over a pipe by its DevTools protocol: the standard library is enough."""

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

FLAGS = [
    "--headless=new",
    # Every page it shows is on loopback and ours; as root it has no sandbox anyway.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-default-browser-check",
    "--force-device-scale-factor=1",
    "--remote-debugging-pipe",
]


class Browser:
    """One Chromium. It reads commands from its descriptor 3 and writes answers to its descriptor 4."""

    def __init__(self):
        assert CHROMIUM, "no Chromium: install Debian's package chromium, or name one in CHROMIUM"
        self.profile = tempfile.TemporaryDirectory(prefix="rolewarden-page-")
        command_out, self.commands = os.pipe()
        self.answers, answer_in = os.pipe()
        line = [CHROMIUM, *FLAGS, f"--user-data-dir={self.profile.name}", "about:blank"]
        shell = f'exec "$@" 3<&{command_out} 4>&{answer_in}'
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *line],
            pass_fds=(command_out, answer_in),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(command_out)
        os.close(answer_in)
        self.unread = b""
        self.number = 0
        self.events = []

    def call(self, method: str, session: str | None = None, **arguments) -> dict:
        self.number += 1
        message = {"id": self.number, "method": method, "params": arguments}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.commands, data) :]
        number = self.number
        while True:
            answer = self.read(time.monotonic() + 60)
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def read(self, deadline: float) -> dict:
        while b"\0" not in self.unread:
            ready, _, _ = select.select([self.answers], [], [], max(0, deadline - time.monotonic()))
            assert ready, "Chromium did not answer in time"
            data = os.read(self.answers, 1 << 20)
            assert data, f"Chromium ended with {self.process.wait()}"
            self.unread += data
        message, _, self.unread = self.unread.partition(b"\0")
        return json.loads(message)

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        os.close(self.commands)
        os.close(self.answers)
        for attempt in range(50):
            try:
                self.profile.cleanup()
                return
            except OSError:  # a helper process still writes its last file
                time.sleep(0.1)


class Tab:
    """One page. It remembers every request and every complaint."""

    def __init__(self, browser: Browser, scheme: str = "light", width: int = 1280, height: int = 900, script: bool = True):
        self.browser = browser
        context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.context = context
        browser.events.clear()
        for domain in ["Page", "Runtime", "Network", "Log"]:
            self.call(f"{domain}.enable")
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.call("Emulation.setEmulatedMedia", media="screen", features=features)
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        if not script:
            self.call("Emulation.setScriptExecutionDisabled", value=True)

    def call(self, method: str, **arguments) -> dict:
        return self.browser.call(method, self.session, **arguments)

    def open(self, address: str):
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, expression: str):
        """The value of a JavaScript expression; promises are awaited."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def until(self, expression: str, seconds: float = 20):
        deadline = time.monotonic() + seconds
        while not self.run(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            time.sleep(0.05)

    def key(self, key: str, **arguments):
        for kind in ["keyDown", "keyUp"]:
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, **arguments)

    def tab(self):
        self.key("Tab", windowsVirtualKeyCode=9)

    def type(self, text: str):
        self.call("Input.insertText", text=text)

    def requests(self) -> list[str]:
        events = [e["params"] for e in self.browser.events if e.get("method") == "Network.requestWillBeSent"]
        return [event["request"]["url"] for event in events]

    def complaints(self) -> list[str]:
        """What the console says: refused scripts and styles, errors, exceptions."""
        said = []
        for event in self.browser.events:
            method, about = event.get("method"), event.get("params", {})
            if method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
                said.append(about["entry"]["text"])
            if method == "Runtime.exceptionThrown":
                said.append(about["exceptionDetails"]["text"])
            if method == "Runtime.consoleAPICalled":
                said.append(str(about["args"]))
            if method == "Page.javascriptDialogOpening":
                said.append(f"dialog: {about['message']}")
        return said

    def shoot(self, path: pathlib.Path, whole: bool = False):
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))

    def close(self):
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)
