#!/usr/bin/env python3
"""What a first visit costs, measured in a real browser against a real site.

    python -m bench.pageload [--runs 5] [--json]

For the sign-in page and the empty chat page, each with a cold cache: requests, bytes over the wire (headers included, as
Chromium's network layer counts them), first contentful paint, and the moment the first field takes typing. Then the bytes
of socket text for each token of one streamed answer. Medians over the runs.
"""

import argparse
import json
import statistics
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser import chromium
from tests.site import Site, scratch_site

# Marks the moment the field is in the document and could take a key; what is typed needs no script.
PROBE = """
window.typable = 0;
const field = 'textarea[name=content], input[name=login]';
new MutationObserver((_, observer) => {
  const found = document.querySelector(field);
  if (found && !found.disabled) { window.typable = performance.now(); observer.disconnect(); }
}).observe(document, {childList: true, subtree: true});
"""


def visit(context: BrowserContext, url: str) -> dict[str, float]:
    page = context.new_page()
    page.add_init_script(PROBE)
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    seen: dict[str, float] = {"requests": 0, "bytes": 0}

    def count(event: dict[str, Any]) -> None:
        # Chromium also reports pictures that stand in the style sheet itself.
        if not event["request"]["url"].startswith("data:"):
            seen["requests"] += 1

    network.on("Network.requestWillBeSent", count)
    network.on("Network.webSocketCreated", lambda event: seen.update(requests=seen["requests"] + 1))
    network.on("Network.loadingFinished", lambda event: seen.update(bytes=seen["bytes"] + event["encodedDataLength"]))
    page.goto(url, wait_until="networkidle")
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    typable = page.evaluate("window.typable")
    page.close()
    return {**seen, "fcp_ms": paint, "typable_ms": max(paint, typable)}


def register(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/accounts/register/")
    page.fill("input[name=display_name]", "Ada")
    page.fill("input[name=email]", "ada@example.org")
    page.fill("input[name=password1]", "correct horse battery")
    page.fill("input[name=password2]", "correct horse battery")
    page.click("main form button:not([type=button])")
    page.wait_for_selector("textarea[name=content]")


def socket_overhead(context: BrowserContext, site: Site) -> dict[str, float]:
    """One answer streamed to one page: bytes of frames, of the answer's own text, and tokens."""
    page = context.new_page()
    frames: list[str] = []
    page.on("websocket", lambda ws: ws.on("framereceived", lambda data: frames.append(str(data))))
    page.goto(site.url)
    page.fill("textarea[name=content]", "Tell me about the history of bread.")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-completion-tokens]", state="attached", timeout=180_000)
    tokens = int(page.locator("[data-completion-tokens]").first.get_attribute("data-completion-tokens") or 0)
    text = page.locator("[data-role=assistant] .answer").last.inner_text()
    page.close()
    total, own = sum(len(frame.encode()) for frame in frames), len(text.encode())
    return {
        "frames": len(frames),
        "frame_bytes": total,
        "text_bytes": own,
        "tokens": tokens,
        "overhead_per_token": (total - own) / tokens,
    }


def median_visits(browser: Browser, site: Site, path: str, runs: int, state: Any) -> dict[str, float]:
    results = []
    for _ in range(runs):
        context = browser.new_context(storage_state=state)
        results.append(visit(context, site.url + path))
        context.close()
    return {key: round(statistics.median(result[key] for result in results), 1) for key in results[0]}


def print_table(result: dict[str, dict[str, float]]) -> None:
    print(f"{'page':<10}{'requests':>10}{'kB':>10}{'FCP ms':>10}{'typable ms':>12}")
    for name in ("sign-in", "chat"):
        row = result[name]
        figures = f"{row['requests']:>10.0f}{row['bytes'] / 1000:>10.1f}{row['fcp_ms']:>10.0f}{row['typable_ms']:>12.0f}"
        print(f"{name:<10}{figures}")
    socket = result["socket"]
    print(f"socket: {socket['overhead_per_token']:.1f} bytes of overhead a token, {socket['frames']:.0f} frames")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    with scratch_site() as site, chromium() as browser:
        context = browser.new_context()
        register(context.new_page(), site)
        state = context.storage_state()
        result = {
            "sign-in": median_visits(browser, site, "/accounts/login/", options.runs, None),
            "chat": median_visits(browser, site, "/", options.runs, state),
            "socket": socket_overhead(context, site),
        }
    if not options.json:
        print_table(result)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
