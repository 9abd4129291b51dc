"""The page in a real browser, with every other host out of reach, beside a real engine and prober."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmdeploy.adapters.openai_client import ChatRequest, OpenAIClient
from llmdeploy.adapters.supervisor import Supervisor
from llmdeploy.gates.result import Check, GateResult
from llmdeploy.prober.sampler import endpoint_of
from tests.prober.watched import KEY, Watched, wait_for
from tests.web.served import served

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs a browser: apt-get install chromium chromium-driver"
)
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--window-size=1400,1300",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)  # fmt: skip
GATES = [
    GateResult("smoke", (Check("health", True, "200", "200"),), 0.1).as_json(),
    GateResult("load", (Check("TTFT <p95>", False, "2412 ms", "<= 2000 ms", "3 of 48 missed it"),), 3.0).as_json(),
]
ABOUT = {"name": "demo", "url": "http://127.0.0.1/v1", "model": "demo", "engine": "llamacpp", "plan": "0123456789ab"}
ENGINES = [
    {"host": "gpu1", "replica": 0, "state": "up", "running": 3, "waiting": 1, "generated_per_s": 81.4, "ttft_s": 0.052,
     "accuracy": 0.975, "rss": 52428800, "failed": 0, "crashes": 2},
    {"host": "gpu1", "replica": 1, "state": "down", "running": None, "waiting": None, "generated_per_s": None,
     "ttft_s": None, "accuracy": None, "rss": None, "failed": 4, "crashes": 0},
    {"host": "gpu2", "replica": 0, "state": "unwatched", "crashes": 0},
    {"host": "gpu3", "replica": 0, "state": "unreachable"},
]  # fmt: skip
WITHIN = """
  return [...document.querySelectorAll('.main-svg')].every((one) => one.getBoundingClientRect().right <= innerWidth)
"""
CHARTS = ("health", "tokens", "queue", "kv", "memory", "latency", "correct")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    one = Watched(tmp_path)
    yield one
    one.stop()


def text(browser: Any, element: str) -> str:
    return str(browser.execute_script("return document.getElementById(arguments[0]).innerText", element))


def keep_busy(watched: Watched, stop: threading.Event) -> None:
    client = OpenAIClient(endpoint_of(watched.config))

    async def ask() -> None:
        while not stop.is_set():
            await client.stream(ChatRequest.ask("Tell me.", max_tokens=60, temperature=1.0), deadline_s=10)

    asyncio.run(ask())


def test_the_page_lives(watched: Watched, browser: Any) -> None:
    supervisor = watched.supervise_engine()
    try:
        live_through(watched, supervisor, browser)
    finally:
        supervisor.stop()


def live_through(watched: Watched, supervisor: Supervisor, browser: Any) -> None:
    prober = watched.start_prober()
    engines: list[dict[str, Any]] = []
    stop = threading.Event()
    load = threading.Thread(target=keep_busy, args=(watched, stop))
    load.start()

    def source() -> dict[str, Any]:
        return {**watched.snapshot(120).as_json(), "engines": engines, "gates": GATES, "deployment": ABOUT}

    with served(source) as port:
        try:
            browser.get(f"http://127.0.0.1:{port}/")
            wait_for(lambda: "UP" in text(browser, "state-word"))
            wait_for(lambda: drawn(browser) == set(CHARTS))
            numbers_change_in_place(browser)
            nothing_leaves_the_page(browser, port)
            all_is_told(browser)
            every_engine_is_told(browser, engines)
            it_fits_a_narrow_screen(browser)
        finally:
            stop.set()
            load.join()
        supervisor.remove("engine")
        wait_for(lambda: "DOWN" in text(browser, "state-word"))
        assert "connection refused" in text(browser, "headline")
        assert "engine down" in text(browser, "events")
        prober.kill()
        prober.wait()
        wait_for(lambda: "PROBER SILENT" in text(browser, "state-word"), 12)
        assert "down when last seen" in text(browser, "headline")
        assert browser_errors(browser) == []
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        browser.execute_cdp_cmd("Network.enable", {})
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        wait_for(lambda: "PAGE CUT OFF" in text(browser, "state-word"))
        assert "No new figures for" in text(browser, "headline")


def drawn(browser: Any) -> set[str]:
    """Charts with something drawn in their plot area."""
    found: list[str] = browser.execute_script(
        """return arguments[0].filter((id) => document.querySelector(
        `#${id} .scatterlayer path.js-line, #${id} .scatterlayer path.point, #${id} .barlayer path`))""",
        CHARTS,
    )
    return set(found)


def numbers_change_in_place(browser: Any) -> None:
    """New figures come every second, into the same elements: nothing is torn down and built up again."""
    browser.execute_script("document.querySelectorAll('.main-svg, .tile').forEach((one) => { one.mark = 1; })")
    before = (text(browser, "tiles"), text(browser, "updated"))
    wait_for(lambda: text(browser, "tiles") != before[0] and text(browser, "updated") != before[1])
    assert browser.execute_script(
        "return [...document.querySelectorAll('.main-svg, .tile')].every((one) => one.mark === 1)"
    )


def nothing_leaves_the_page(browser: Any, port: int) -> None:
    asked = browser.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert asked
    assert {name.split("/")[2] for name in asked} == {f"127.0.0.1:{port}"}
    assert KEY not in browser.page_source + json.dumps(asked)


def all_is_told(browser: Any) -> None:
    gates = text(browser, "gates")
    assert "✓ passed" in gates
    assert "✗ MISSED" in gates
    assert "TTFT <p95>" in gates  # as text, not as markup
    wait_for(lambda: "✗ WRONG" in text(browser, "probes"))
    assert "demo on llamacpp" in text(browser, "about")


def every_engine_is_told(browser: Any, engines: list[dict[str, Any]]) -> None:
    """Where there are several, on hosts."""
    assert not browser.execute_script("return document.getElementById('each-engine').checkVisibility()")
    engines += ENGINES
    wait_for(lambda: "gpu1/0" in text(browser, "engines"))
    _, up, down, unwatched, off = text(browser, "engines").splitlines()
    assert up.split("\t") == ["gpu1/0", "● up", "3 / 1", "81", "52.0 ms", "97.5 %", "50.0 MiB", "0", "2"]
    assert down.split("\t")[:2] == ["gpu1/1", "▲ down"]
    assert unwatched.split("\t")[:2] == ["gpu2/0", "◌ not watched"]
    assert off.split("\t")[:2] == ["gpu3/0", "◌ host is off"]


def it_fits_a_narrow_screen(browser: Any) -> None:
    for width in (400, 1400):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        time.sleep(0.3)
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth"), width
        wait_for(lambda: browser.execute_script(WITHIN))


def browser_errors(browser: Any) -> list[str]:
    return [line["message"] for line in browser.get_log("browser") if line["level"] in ("SEVERE", "WARNING")]
