"""The page of `lapilli profile` in headless Chromium: it loads nothing, and fits a narrow and a wide screen."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from profile_files import chain, make_files

from lapilli import cli
from lapilli.netx_exports import save

WIDTHS = (360, 1440)
SECONDS = 60

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

# Runs inside the page: what it loaded, and what of it stands out to the right, but for tables that scroll alone.
_PROBE = """
<script>
addEventListener("load", () => {
  const stands_out = [...document.body.querySelectorAll("*")].filter(
    (found) => found.getBoundingClientRect().right > innerWidth + 0.5 && !found.closest(".scroll > table"));
  const heights = [...document.querySelectorAll("svg path, .track i, .stack i, .mark")].map(
    (found) => found.getBoundingClientRect()).filter((box) => box.width > 0 && box.height > 0);
  parent.postMessage({
    width: innerWidth, scroll: document.documentElement.scrollWidth, drawn: heights.length,
    resources: performance.getEntriesByType("resource").map((entry) => entry.name),
    stands_out: stands_out.slice(0, 5).map((found) => found.outerHTML.slice(0, 120)),
  }, "*");
});
</script>
"""

_FRAMES = """<!doctype html><body><pre id="found"></pre>{frames}
<script>
const found = [];
addEventListener("message", (event) => {{
  found.push(event.data);
  document.getElementById("found").textContent = JSON.stringify(found);
}});
</script>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("page")
    make_files(found)
    save(chain(name="a_layer_with_one_very_long_name_" * 7), found / "long.net")
    return found


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder over HTTP, because browsers tell of failed requests only there; yields its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""


def look(chromium: str, folder: Path, page: Path) -> list[dict[str, Any]]:
    """What the probe finds in frames of all widths, the narrowest first."""
    text = page.read_text(encoding="utf-8")
    assert text.count(_POLICY) == 1
    # Scripts are allowed to the probe only; everything else stays forbidden.
    probed = text.replace(_POLICY, _POLICY + "; script-src 'unsafe-inline'").replace("</body>", _PROBE + "</body>")
    (folder / "probed.html").write_text(probed, encoding="utf-8")
    frames = "".join(
        f'<iframe src="probed.html" width="{width}" height="900" frameborder="0"></iframe>' for width in WIDTHS
    )
    (folder / "frames.html").write_text(_FRAMES.format(frames=frames), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking"]
    options += [f"--user-data-dir={folder / 'browser'}", "--virtual-time-budget=5000", "--dump-dom"]
    with served(folder) as address:
        command = [chromium, *options, f"{address}/frames.html"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    match = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match, done.stderr
    found: list[dict[str, Any]] = json.loads(unescape(match[1]))
    return sorted(found, key=lambda frame: frame["width"])


@pytest.mark.parametrize(
    "words",
    [
        ["deep.net", "--input", "events.npz"],
        ["deep.net", "--input", "events.npz", "--compare", "chain.net", "--time-steps", "3,6,12"],
        ["long.net", "--input", "flat.npz"],
    ],
    ids=["one network", "comparison", "long names"],
)
def test_page_fits_and_loads_nothing(
    chromium: str, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str]
) -> None:
    monkeypatch.chdir(folder)
    page = tmp_path / "page.html"
    assert cli.main(["profile", *words, "--html", str(page)]) == 0
    frames = look(chromium, tmp_path, page)
    assert [frame["width"] for frame in frames] == list(WIDTHS)
    for frame in frames:
        assert frame["resources"] == []
        assert frame["stands_out"] == []
        assert frame["scroll"] == frame["width"]
        assert frame["drawn"] > 20


def test_the_probe_sees_what_is_wrong(chromium: str, folder: Path, tmp_path: Path) -> None:
    wide = '<div style="width:900px">wide</div>'
    picture = '<img src="missing.png"><img src="http://127.0.0.1:9/elsewhere.png">'
    page = tmp_path / "page.html"
    head = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}; img-src *">'
    page.write_text(f"<!doctype html><html><head>{head}</head><body>{wide}{picture}</body></html>", encoding="utf-8")
    narrow, broad = look(chromium, tmp_path, page)
    assert narrow["scroll"] > 360
    assert narrow["stands_out"]
    assert (broad["scroll"], broad["stands_out"]) == (1440, [])
    assert [name.rpartition("/")[2] for name in broad["resources"]] == ["missing.png", "elsewhere.png"]
