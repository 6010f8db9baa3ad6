"""Headless Chromium for tests, controlled by its debugging protocol over a pipe: no driver, no other package."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

FOUND = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SWITCHES = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --remote-debugging-pipe"


class Page:
    """A page in its own browser; `errors` has what its console reported since the last `open`.

    Any use of the network is an error too, because no host name is resolved.
    """

    def __init__(self, profile: Path) -> None:
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        places = f"--user-data-dir={shlex.quote(str(profile))} --host-resolver-rules='MAP * ~NOTFOUND'"
        self._process = subprocess.Popen(
            ["bash", "-c", f"exec {FOUND} {SWITCHES} {places} about:blank 3<&{to_read} 4>&{to_write}"],
            pass_fds=(to_read, to_write),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._count, self._left, self._session, self.errors = 0, b"", {}, []
        target = next(t for t in self._call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, url: str, width: int = 1280, height: int = 900) -> None:
        """Load a page in a window of this size, and wait until it is loaded."""
        self.errors = []
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._call("Page.navigate", url="about:blank")
        self._call("Page.navigate", url=url)
        self.until(f"location.href.startsWith({json.dumps(url)}) && document.readyState == 'complete'")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression.

        Raises:
            RuntimeError: The expression threw.
        """
        found = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(f"{script}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def until(self, script: str, seconds: float = 60) -> None:
        """Wait until an expression is true, also while another page loads.

        Raises:
            TimeoutError: It was not true in time.
        """
        end = time.monotonic() + seconds
        while True:
            try:
                if self.run(f"!!({script})"):
                    return
            except RuntimeError as error:
                if "navigated" not in str(error):
                    raise
            if time.monotonic() > end:
                raise TimeoutError(f"never true: {script}; the console says {self.errors}")
            time.sleep(0.05)

    def close(self) -> None:
        """End the browser."""
        self._session = {}
        self._call("Browser.close")
        self._process.wait(timeout=30)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters, **self._session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._count:
            event = answer.get("params", {})
            failed = event.get("entry", {}).get("level") == "error" or event.get("type") in ("error", "warning")
            if failed or answer["method"] == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(event))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            if not (more := os.read(self._from, 1 << 20)):
                raise RuntimeError("the browser has ended")
            self._left += more
        message, _, self._left = self._left.partition(b"\0")
        return json.loads(message)
