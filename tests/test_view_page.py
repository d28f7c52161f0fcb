"""The page of `lapilli view` in headless Chromium, by clicks and keys: what it shows is what was recorded."""

import re
import shutil
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from profile_files import chain, make_files

from lapilli import cli
from lapilli.netx_exports import Network, save
from lapilli.simulators import Events, RunResult, run

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install .[browser])")

# Nothing of Chromium's own goes to the network.
ARGUMENTS = [
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
STATES = ("current", "voltage")
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Files, and a page of each kind."""
    found = make_files(tmp_path_factory.mktemp("view"))
    save(chain(name="<b>long_name_&_" * 16), found.folder / "long.net")
    pages = {
        "deep": ["deep.net", "--input", "events.npz"],
        "chain": ["chain.net", "--input", "flat.npz", "--readout", "spike_count"],
        "graded": ["graded.net", "--input", "values.npz", "--readout", "voltage_sum"],
        "long": ["long.net", "--input", "flat.npz"],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(found.folder)
        for name, words in pages.items():
            assert cli.main(["view", *words, "--out", f"{name}.html"]) == 0
    return found


@pytest.fixture
def opened(browser: Any, made: SimpleNamespace) -> Iterator[Open]:
    """Opens a page; at the end nothing was loaded beside it, and nothing failed in it."""
    contexts, requests, failures = [], [], []

    def open_page(name: str, width: int = 1400, height: int = 1000, scheme: str = "light") -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: failures.append(message.text))
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto((made.folder / f"{name}.html").as_uri())
        shows(page, 0)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert failures == []
    assert len(requests) == len(contexts)
    assert all(re.fullmatch(r"file://.*/\w+\.html", request) for request in requests)


def shows(page: Any, number: int) -> None:
    """Waits until a sample is drawn."""
    page.wait_for_selector(f'body[data-shown="{number}"]')


def window(page: Any) -> tuple[int, int]:
    text = page.locator("#window")
    return int(text.get_attribute("data-first")), int(text.get_attribute("data-last"))


def recorded(network: Network, events: Events, n_steps: int) -> RunResult:
    record = {layer.name: ("spikes", *STATES) for layer in network.layers}
    return run(network, events, "reference", n_steps=n_steps, record=record)


def click_neuron(page: Any, layer: int, neuron: int, size: int, share: float = 0.5) -> None:
    canvas = page.locator(f'[data-layer="{layer}"] > .field canvas')
    box = canvas.bounding_box()
    canvas.click(position={"x": share * box["width"], "y": (neuron + 0.5) * box["height"] / size})
    page.wait_for_selector(f'.neuron[data-neuron="{neuron}"]')


def numbers(page: Any) -> tuple[list[str], np.ndarray[Any, Any]]:
    """Titles and rows of the table of numbers."""
    titles = page.locator(".neuron thead th").all_inner_texts()
    rows = page.locator(".neuron tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(c => c.innerText))"
    )
    return titles, np.array(rows, np.int64)


def expected_numbers(
    result: RunResult, network: Network, layer: int, neuron: int, sample: int, steps: slice
) -> np.ndarray[Any, Any]:
    """Step, spike, current, voltage and threshold, from the recording."""
    of_layer = network.layers[layer - 1]
    found = result.recordings[of_layer.name]
    spikes = found.spikes.to_dense()[sample].reshape(of_layer.size, -1)[neuron]
    states = [getattr(found, state)[sample].reshape(of_layer.size, -1)[neuron] for state in STATES]
    threshold = np.full(len(spikes), int(of_layer.neuron.per_neuron("vth_mant", of_layer.shape)[neuron]) << 6)
    return np.stack([np.arange(len(spikes)), spikes, *states, threshold], axis=1)[steps]


def test_numbers_of_a_clicked_neuron_are_the_recording(opened: Open, made: SimpleNamespace) -> None:
    page, network = opened("chain"), made.networks["chain.net"]
    result = recorded(network, Events.load(made.folder / "flat.npz").select(slice(5)), 14)
    click_neuron(page, 1, 7, 12)
    page.locator(".neuron summary").click()
    titles, rows = numbers(page)
    assert titles == ["step", "spike", "current", "voltage", "threshold"]
    np.testing.assert_array_equal(rows, expected_numbers(result, network, 1, 7, 0, slice(None)))
    assert rows[:, 1].any()
    click_neuron(page, 2, 3, 4)
    np.testing.assert_array_equal(numbers(page)[1], expected_numbers(result, network, 2, 3, 0, slice(None)))
    # The next sample, of the same neuron.
    for sample, key in ((1, "ArrowRight"), (2, "ArrowRight"), (1, "ArrowLeft")):
        page.keyboard.press(key)
        shows(page, sample)
        np.testing.assert_array_equal(numbers(page)[1], expected_numbers(result, network, 2, 3, sample, slice(None)))
    # By its number.
    page.locator('[data-layer="1"] input').fill("11")
    page.keyboard.press("Enter")
    page.wait_for_selector('.neuron[data-neuron="11"]')
    np.testing.assert_array_equal(numbers(page)[1], expected_numbers(result, network, 1, 11, 1, slice(None)))
    page.locator(".neuron .close").click()
    assert page.locator(".neuron").count() == 0


def test_neurons_of_a_convolution_and_their_places(opened: Open, made: SimpleNamespace) -> None:
    page, network = opened("deep"), made.networks["deep.net"]
    result = recorded(network, made.events.select(slice(5)), 12 + network.depth)
    page.locator('[data-layer="1"] input').fill("47")
    page.keyboard.press("Enter")
    page.wait_for_selector('.neuron[data-neuron="47"]')
    assert page.locator(".neuron h3").inner_text() == "features, neuron 47 (channel 2, row 1, column 3)"
    page.locator(".neuron summary").click()
    np.testing.assert_array_equal(numbers(page)[1], expected_numbers(result, network, 1, 47, 0, slice(None)))


def test_zoom_and_pan_by_buttons_keys_wheel_and_drag(opened: Open, made: SimpleNamespace) -> None:
    page, network = opened("chain"), made.networks["chain.net"]
    assert window(page) == (0, 13)
    result = recorded(network, Events.load(made.folder / "flat.npz").select(slice(5)), 14)
    click_neuron(page, 1, 4, 12)
    page.locator(".neuron summary").click()
    page.mouse.move(5, 5)
    page.locator("#in").click()
    first, last = window(page)
    assert 0 < first < last < 13
    expected = expected_numbers(result, network, 1, 4, 0, slice(first, last + 1))
    np.testing.assert_array_equal(numbers(page)[1], expected)
    page.keyboard.press("+")
    narrower = window(page)
    assert first <= narrower[0] < narrower[1] <= last
    assert narrower != (first, last)
    page.keyboard.press("-")
    assert window(page) == (first, last)
    page.keyboard.press("Shift+ArrowRight")
    assert window(page)[0] > first
    page.keyboard.press("0")
    assert window(page) == (0, 13)
    canvas = page.locator('[data-layer="1"] > .field canvas')
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_selector('#window:not([data-first="0"])')
    before = window(page)
    page.mouse.down()
    page.mouse.move(middle[0] + box["width"] / 2.5, middle[1], steps=5)
    page.mouse.up()
    assert window(page)[0] < before[0]
    # A drag chooses no neuron.
    assert page.locator('.neuron[data-neuron="4"]').count() == 1
    page.locator("#all").click()
    assert window(page) == (0, 13)
    page.keyboard.press("Escape")
    assert page.locator(".neuron").count() == 0


_PIXELS = """
([layer, size]) => {
  const canvas = document.querySelector(`[data-layer="${layer}"] > .field canvas`);
  const { area } = canvas.plot;
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const at = (step, neuron) => {
    const x = (area.left + (step + 0.5) * area.width / facts.steps) * devicePixelRatio;
    const y = (area.top + (neuron + 0.5) * area.height / size) * devicePixelRatio;
    return [...context.getImageData(x, y, 1, 1).data].slice(0, 3);
  };
  const accent = channels(colours.accent).join();
  return Array.from({ length: size }, (_, neuron) =>
    Array.from({ length: facts.steps }, (_, step) => Number(at(step, neuron).join() === accent)));
}
"""


def test_the_raster_has_a_cell_for_each_spike(opened: Open, made: SimpleNamespace) -> None:
    page, network = opened("chain"), made.networks["chain.net"]
    result = recorded(network, Events.load(made.folder / "flat.npz").select(slice(5)), 14)
    for sample in (0, 1):
        shows(page, sample)
        for layer, size in ((1, 12), (2, 4)):
            spikes = result.recordings[network.layers[layer - 1].name].spikes.to_dense()[sample]
            assert page.evaluate(_PIXELS, [layer, size]) == spikes.tolist()
            assert spikes.any()
        page.locator("#after").click()


def test_samples_are_stepped_through(opened: Open, made: SimpleNamespace) -> None:
    page, network = opened("deep"), made.networks["deep.net"]
    labels = made.events.labels
    result = run(network, made.events.select(slice(5)), "reference", n_steps=12 + network.depth)
    scores = result.spikes.to_dense().sum(axis=-1)
    assert page.locator("#before").is_disabled()
    for sample in range(5):
        shows(page, sample)
        title = f"deep.net, sample {sample}, label {labels[sample]}, decided {scores[sample].argmax()}"
        assert page.title().removesuffix(" ✗") == title
        assert page.title().endswith("✗") == (labels[sample] != scores[sample].argmax())
        assert page.locator("#title").inner_text() == page.title()
        shown = page.locator("#classes .value").all_inner_texts()
        assert [int(text) for text in shown] == scores[sample].tolist()
        page.locator("#after").click() if sample < 4 else None
    assert page.locator("#after").is_disabled()
    page.locator("#samples").select_option("2")
    shows(page, 2)


def test_the_decision_forms_under_the_pointer(opened: Open, made: SimpleNamespace) -> None:
    page, network = opened("deep"), made.networks["deep.net"]
    result = run(network, made.events.select(slice(5)), "reference", n_steps=12 + network.depth)
    running = np.cumsum(result.spikes.to_dense()[0], axis=-1)
    canvas = page.locator("#scores canvas")
    for step in (3, 8, 11):
        area = canvas.evaluate("canvas => canvas.plot.area")
        canvas.hover(position={"x": area["left"] + (step + 0.5) * area["width"] / running.shape[1], "y": 40})
        assert [int(text) for text in page.locator("#classes .value").all_inner_texts()] == running[:, step].tolist()
        assert page.locator("#tip").inner_text().startswith(f"step {step}: class {running[:, step].argmax()} leads")


def test_operations_are_told_under_the_pointer(opened: Open, made: SimpleNamespace) -> None:
    page, network = opened("chain"), made.networks["chain.net"]
    events = Events.load(made.folder / "flat.npz").select([0])
    met = np.count_nonzero(network.layers[0].synapses[0].weights, axis=0)
    expected = met @ events.to_dense()[0]
    canvas = page.locator('[data-operations="0"] canvas')
    canvas.scroll_into_view_if_needed()
    for step in (0, 5, 9):
        area = canvas.evaluate("canvas => canvas.plot.area")
        canvas.hover(position={"x": area["left"] + (step + 0.5) * area["width"] / 14, "y": 20})
        assert page.locator("#tip").inner_text() == f"step {step}: hidden: {expected[step]} operations"
    assert expected[:10].any()


def test_values_of_graded_events_are_shown(opened: Open, made: SimpleNamespace) -> None:
    page = opened("graded")
    click_neuron(page, 0, 9, 40)
    page.locator(".neuron summary").click()
    titles, rows = numbers(page)
    assert titles == ["step", "value sent"]
    assert rows[:8, 1].tolist() == made.values.to_dense()[0, 9].tolist()


def test_playing_moves_through_the_steps_and_ends(opened: Open) -> None:
    page = opened("deep")
    page.keyboard.press("Space")
    playwright.expect(page.locator("#play")).to_have_text("stop")
    # Six seconds, on a busy machine more.
    playwright.expect(page.locator("#play")).to_have_text("play", timeout=60_000)
    assert 0 <= page.evaluate("shown.cursor") < 14


@pytest.mark.parametrize("name", ["deep", "long", "graded"])
@pytest.mark.parametrize("width", [360, 390, 1400])
def test_it_fits_narrow_and_wide_screens(opened: Open, name: str, width: int) -> None:
    page = opened(name, width=width, height=800)
    page.locator('[data-layer="1"] input').fill("1")
    page.keyboard.press("Enter")
    page.wait_for_selector(".neuron")
    page.locator(".neuron summary").click()
    stands_out = """() => [...document.body.querySelectorAll("*")].filter(
        (found) => found.getBoundingClientRect().right > innerWidth + 0.5 && !found.closest(".scroll > table")
    ).map((found) => found.outerHTML.slice(0, 120))"""
    assert page.evaluate(stands_out) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_names_are_text(opened: Open) -> None:
    page = opened("long")
    assert page.locator('[data-layer="1"] .head b').inner_text() == "<b>long_name_&_" * 16
    assert "No class is decided: the network does not say how" in page.locator("#decision-text").inner_text()


def test_dark_where_the_browser_is(opened: Open) -> None:
    backs = [
        opened("deep", scheme=scheme).evaluate("[getComputedStyle(document.body).backgroundColor, colours.card]")
        for scheme in ("light", "dark")
    ]
    assert backs == [["rgb(255, 255, 255)", "#f6f7f9"], ["rgb(18, 22, 28)", "#1a2029"]]
