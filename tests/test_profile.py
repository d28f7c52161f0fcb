"""`lapilli profile`: every figure is that of the counts and of the bill, wherever it is shown; refusals by name."""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from of_kind import of_kind
from profile_files import TABLE, make_files, write_table

import lapilli.commands.profile as command
import lapilli.profile.activity as activity
from lapilli import cli
from lapilli.netx_exports import Network, save
from lapilli.profile.estimates import priced
from lapilli.profile.measuring import CountsSum
from lapilli.simulators import Events, run
from lapilli.simulators.bill import ASSUMPTIONS, Bill, Estimate, bill_of, bundled_tables, busiest_cores, load_table
from lapilli.simulators.bill.bill import NO_LOIHI_2, ONE_PASS, PASS_A_STEP
from lapilli.simulators.bill.spiking import spiking_amounts
from lapilli.simulators.counting import join_counts, step_counts
from lapilli.simulators.decisions.decide import accuracy, decide
from lapilli.simulators.results import COUNTERS, Counts


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return make_files(tmp_path_factory.mktemp("profile"))


@pytest.fixture(autouse=True)
def _here(files: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files.folder)
    monkeypatch.setenv("COLUMNS", "240")


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        status = cli.main(["profile", *words])
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    status, out, err = call(capsys, *words, "--json")
    assert status == 0, err
    return json.loads(out)


def expected(network: Network, events: Events, input_steps: int | None = None) -> tuple[Counts, Bill, int]:
    """Counts and bill from the reference backend, and the steps that were run."""
    cut = events.n_steps if input_steps is None else input_steps
    counts = run(network, events.with_steps(cut), "reference", n_steps=cut + network.depth).counts
    return counts, bill_of(network, counts, cut), cut + network.depth


def test_json_holds_the_counts(files: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    network = files.networks["deep.net"]
    counts, _, steps = expected(network, files.events)
    found = printed(capsys, "deep.net", "--input", "events.npz")
    assert (found["samples"], found["input_steps"], found["steps"]) == (70, 12, steps)
    assert found["fingerprint"] == network.fingerprint
    for number, name in enumerate(counts.layers):
        for counter in COUNTERS:
            column = getattr(counts, counter)[:, number]
            assert found["per_sample"][name][counter] == column.tolist()
            assert found["totals"][name][counter] == column.sum()
    assert sum(found["totals"]["features"].values()) > 0
    for number, name in enumerate(network.shapes):
        assert found["sources"][name]["sent"] == counts.sent[:, number].sum()
    for column, synapse in enumerate(found["synapses"]):
        assert tuple(synapse[field] for field in ("layer", "number", "source", "kind")) == counts.synapses[column]
        assert synapse["operations"] == counts.synapse_ops[:, column].sum()
        assert synapse["events"] == counts.synapse_events[:, column].sum()
    for core, of_bill in zip(found["busiest_cores"], busiest_cores(network, counts)):
        assert core == vars(of_bill)
    for amount in {(amount.layer, amount.kind) for amount in spiking_amounts(network, counts)}:
        layer, kind = amount
        total = sum(a.number for a in spiking_amounts(network, counts) if (a.layer, a.kind) == amount)
        assert found["amounts"][layer][kind] == total


def test_json_holds_the_bill(files: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    _, bill, _ = expected(files.networks["chain.net"], files.events)
    found = printed(capsys, "chain.net", "--input", "flat.npz")
    assert [table["name"] for table in found["tables"]] == list(bundled_tables())
    assert found["assumptions"] == list(ASSUMPTIONS)
    assert found["loihi2"] == NO_LOIHI_2
    assert found["spike_rate"] == bill.spike_rate
    assert found["literature"] == bill.literature
    assert found["ratios"] == {name: list(bill.ratios(name) or ()) for name in (ONE_PASS, PASS_A_STEP)}
    for shown, of_bill in zip(found["estimates"], bill.tables):
        assert shown["table"] == of_bill.table.name
        assert shown["not_billed"] == of_bill.not_billed
        assert_estimate(shown["spiking"], of_bill.spiking)
        assert shown["baselines"].keys() == of_bill.baselines.keys()
        for name, baseline in of_bill.baselines.items():
            other = shown["baselines"][name]
            assert_estimate(other, baseline.estimate)
            assert (other["ratio"], other["break_even"]) == (baseline.ratio, baseline.break_even)
    assert any(table["baselines"] for table in found["estimates"])
    for table in found["tables"]:
        assert table["source"] == load_table(table["name"]).source
        assert table["remarks"] == list(load_table(table["name"]).remarks)


def assert_estimate(shown: dict[str, Any], estimate: Estimate | None) -> None:
    assert estimate is not None
    assert (shown["joules"], shown["memory"], shown["fixed"]) == (estimate.total, estimate.memory, estimate.fixed)
    assert shown["by_layer"] == estimate.joules


def test_rows_hold_counts_and_bill(files: SimpleNamespace, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    network = files.networks["deep.net"]
    counts, bill, steps = expected(network, files.events)
    path = tmp_path / "rows.csv"
    assert call(capsys, "deep.net", "--input", "events.npz", "--csv", str(path))[0] == 0
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["network"] for row in rows} == {"deep.net"}
    assert {(row["samples"], row["input_steps"], row["steps"]) for row in rows} == {("70", "12", str(steps))}
    assert all(row["date"] and row["machine"] and row["command"] for row in rows)
    place = {(row["part"], row["layer"], row["synapse"], row["table"], row["quantity"]): row for row in rows}
    assert len(place) == len(rows)
    for number, name in enumerate(counts.layers):
        for counter in COUNTERS:
            row = place["count", name, "", "", counter]
            assert int(row["total"]) == getattr(counts, counter)[:, number].sum()
            assert float(row["per_sample"]) == int(row["total"]) / 70
    for column, synapse in enumerate(counts.synapses):
        label = f"{synapse.number} {synapse.kind} from {synapse.source}"
        assert (
            int(place["count", synapse.layer, label, "", "operations"]["total"]) == counts.synapse_ops[:, column].sum()
        )
    for found in bill.tables:
        assert found.spiking is not None
        spent = place["estimate", "", "", found.table.name, "spiking"]
        assert (float(spent["per_sample"]), spent["unit"], spent["total"]) == (found.spiking.total, "J", "")
        for layer, kinds in found.spiking.joules.items():
            for kind, joules in kinds.items():
                shown = place["estimate", layer, "", found.table.name, f"spiking: {kind}"]
                assert float(shown["per_sample"]) == joules
        for name, reason in found.not_billed.items():
            row = place["estimate", "", "", found.table.name, name]
            assert (row["per_sample"], row["remark"]) == ("", f"not billed: {reason}")
        for name, baseline in found.baselines.items():
            row = place["estimate", "", "", found.table.name, f"spiking / {name}"]
            assert float(row["per_sample"]) == baseline.ratio
    literature = place["estimate", "", "", "literature", "spiking"]
    assert float(literature["per_sample"]) == sum(bill.literature.values())


class Tables(HTMLParser):
    """Cells of all tables of a page, by row, and its whole text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tables: list[str] = []
        self.text = ""
        self._cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append(dict(attributes).get("aria-label") or "")
        if tag == "tr":
            self.rows.append([self.tables[-1]])
        if tag in ("td", "th"):
            self._cell = True
            self.rows[-1].append("")
        if tag == "small":
            self._cell = False

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell:
            self.rows[-1][-1] += data

    def row(self, table: str, *words: str) -> list[str]:
        """Cells behind `words` of the one row that begins so."""
        fitting = [row for row in self.rows if row[: 1 + len(words)] == [table, *words]]
        assert len(fitting) == 1, (table, words, fitting)
        return fitting[0][1 + len(words) :]


def assert_shows(text: str, value: float) -> None:
    """A text is a value, rounded to the digits that it shows, of which there are three at least, or all."""
    match = re.fullmatch(r"([\d,]+(?:\.\d+)?(?:e-?\d+)?)(?: ?(%|[mµnpf]?J))?", text)
    assert match, text
    number = match[1].replace(",", "")
    unit = {None: 1.0, "%": 0.01, "J": 1.0, "mJ": 1e-3, "µJ": 1e-6, "nJ": 1e-9, "pJ": 1e-12, "fJ": 1e-15}[match[2]]
    decimals = len(number.partition(".")[2]) if "e" not in number else 0
    if "e" not in number:
        assert abs(float(number) * unit - value) <= 0.5000001 * 10**-decimals * unit, (text, value)
    digits = number.replace(".", "").lstrip("0")
    assert len(digits) >= 3 or float(number) * unit == value, (text, value)


def assert_all_show(texts: Sequence[str], values: Sequence[float]) -> None:
    assert len(texts) == len(values)
    for text, value in zip(texts, values):
        assert_shows(text, value)


def test_page_shows_counts_and_bill(files: SimpleNamespace, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    network = files.networks["chain.net"]
    counts, bill, steps = expected(network, files.events)
    path = tmp_path / "page.html"
    assert call(capsys, "chain.net", "--input", "flat.npz", "--html", str(path))[0] == 0
    page = Tables(path.read_text(encoding="utf-8"))
    for number, name in enumerate(counts.layers):
        means = [getattr(counts, counter)[:, number].sum() / 70 for counter in COUNTERS]
        assert_all_show(page.row("Loihi 2's counters", name), means)
    sums = [getattr(counts, counter).sum() / 70 for counter in COUNTERS]
    assert_all_show(page.row("Loihi 2's counters", "network"), sums)
    for column, synapse in enumerate(counts.synapses):
        found = page.row("Synapses", synapse.layer, synapse.source, synapse.kind)
        assert_all_show(found, [counts.synapse_events[:, column].mean(), counts.synapse_ops[:, column].mean()])
    for number, (name, neurons) in enumerate(zip(network.shapes, (40, 12, 4))):
        sent = counts.sent[:, number].sum() / 70
        assert_all_show(page.row("Spikes", name), [neurons, sent, sent / neurons / steps])
    for of_table in bill.tables:
        assert of_table.spiking is not None
        cells = page.row("Energy by table", of_table.table.name)
        assert_shows(cells[0], of_table.spiking.total)
        for name, three in ((ONE_PASS, cells[2:5]), (PASS_A_STEP, cells[5:8])):
            baseline = of_table.baselines.get(name)
            if baseline is None:
                assert three == ["-", "-", "-"]
                continue
            assert_all_show(three[:2], [baseline.estimate.total, baseline.ratio])
            rate = baseline.break_even
            assert three[2] == "none" if rate is None else three[2] == "any" if rate > 1 else True
            if rate is not None and rate <= 1:
                assert_shows(three[2], rate)
        text = " ".join(page.text.split())
        for sentence in (of_table.table.source, *of_table.table.remarks, of_table.table.node, of_table.table.precision):
            assert " ".join(sentence.split()) in text
        for reason in of_table.table.leaves_out.values():
            assert reason in text
    assert_shows(page.row("Energy by table", "literature")[0], sum(bill.literature.values()))
    for sentence in (*ASSUMPTIONS, NO_LOIHI_2):
        assert sentence in text


def test_page_needs_nothing_else(files: SimpleNamespace, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    assert call(capsys, "deep.net", "--input", "events.npz", "--html", str(path))[0] == 0
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    for forbidden in ("<script", "<link", "<img", "<iframe", "src=", "url(", "@import", 'href="http'):
        assert forbidden not in page.lower(), forbidden
    assert "default-src 'none'" in page


def test_terminal_shows_counts_before_estimates(files: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    network = files.networks["chain.net"]
    counts, bill, _ = expected(network, files.events)
    status, out, err = call(capsys, "chain.net", "--input", "flat.npz")
    assert status == 0, err
    before, after = out.split("ESTIMATE")
    assert "COUNTS, exact" in before
    assert not re.search(r"\d [mµnpf]?J\b", before)
    rows = [[cell.strip() for cell in line.strip("│\n").split("│")] for line in out.splitlines() if "│" in line]
    for number, name in enumerate(counts.layers):
        means = [getattr(counts, counter)[:, number].sum() / 70 for counter in COUNTERS]
        assert_all_show(next(row for row in rows if row[0] == name)[1:], means)
    for found in bill.tables:
        row = next(row for row in rows if row[0] == found.table.name)
        assert found.spiking is not None
        assert_shows(row[1], found.spiking.total)
        for name, two in ((ONE_PASS, row[3:5]), (PASS_A_STEP, row[5:7])):
            if name in found.baselines:
                assert_shows(two[0], found.baselines[name].ratio)
        origin = next(row for row in rows if row[0] == found.table.name and len(row) == 3)
        assert origin[1] == f"{found.table.node}; {found.table.precision}; {found.table.date}"
    assert_shows(next(row for row in rows if row[0] == "literature")[1], sum(bill.literature.values()))
    for sentence in ("Loihi 2: Intel has published no energy per operation", "spike rate", "break-even", "--html FILE"):
        assert sentence in after
    for reason in {reason for table in bill.tables for reason in table.not_billed.values()}:
        assert reason in after
    assert "no accuracy: the input has no labels" in before


def test_time_steps(files: SimpleNamespace, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    network, path = files.networks["deep.net"], tmp_path / "page.html"
    words = ["deep.net", "--input", "events.npz", "--time-steps"]
    found = printed(capsys, *words, "[3,6,12]", "--html", str(path))
    for steps, shown in zip((3, 6, 12), [found, *found["others"]]):
        cut = files.events.with_steps(steps)
        counts, bill, run_steps = expected(network, files.events, steps)
        decided = decide(run(network, cut, "reference", n_steps=run_steps), network)
        assert (shown["input_steps"], shown["steps"]) == (steps, run_steps)
        assert shown["accuracy"] == accuracy(decided, files.events.labels)
        assert shown["totals"]["classes"]["syn_ops"] == counts.syn_ops[:, 1].sum()
        assert shown["estimates"][0]["spiking"]["joules"] == bill.tables[0].spiking.total
        assert shown["estimates"][0]["not_billed"] == {ONE_PASS: "a recurrent network needs a pass for each step"}
    page = Tables(path.read_text(encoding="utf-8"))
    for number, shown in enumerate([found, *found["others"]], 1):
        cells = page.row("Counts", f"{number}. deep.net")
        assert cells[0] == str(shown["input_steps"])
        assert_shows(cells[1], shown["accuracy"])
        operations = sum(of_layer["syn_ops"] for of_layer in shown["totals"].values()) / 70
        assert_shows(cells[2], operations)
    status, out, _ = call(capsys, *words, "3,12")
    assert status == 0
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in out.splitlines() if "deep.net" in line]
    assert [row[1] for row in rows] == ["3", "12"] * 2
    assert "(odin, seneca, spinnaker2, truenorth: synapses only)" in out
    assert "(odin, seneca, spinnaker2, truenorth: synapses only)" in page.text
    assert_shows(rows[0][2], found["accuracy"])


def test_time_steps_without_labels_or_readout(files: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, "chain.net", "--input", "flat.npz", "--time-steps", "4,8")
    for shown in (found, *found["others"]):
        assert shown["accuracy"] is None
        assert shown["why_no_accuracy"] == "the input has no labels"
        assert shown["totals"]["hidden"]["syn_ops"] > 0
    out = call(capsys, "chain.net", "--input", "events.npz", "--time-steps", "4,8")[1]
    assert "no accuracy of chain.net: the network does not say how a class is decided" in out
    out = call(capsys, "deep.net", "--input", "events.npz", "--n-steps", "12")[1]
    assert "no accuracy: the last input spikes are answered in step 14, 12 were run" in out


def test_compared_networks(files: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, "deep.net", "--input", "events.npz", "--compare", "[chain.net]")
    assert [found["network"], found["others"][0]["network"]] == ["deep.net", "chain.net"]
    alone = printed(capsys, "chain.net", "--input", "events.npz")
    assert {
        **found["others"][0],
        **{name: alone[name] for name in ("others", "loihi2", "assumptions", "tables")},
    } == alone


def test_same_counts_however_it_runs(files: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["deep.net", "--input", "events.npz"]
    assert printed(capsys, *words, "--backend", "reference") == printed(capsys, *words, "--threads", "1")


def test_graded_events(files: SimpleNamespace, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    counts, _, _ = expected(files.networks["graded.net"], files.values)
    words = ["graded.net", "--input", "values.npz"]
    found = printed(capsys, *words, "--html", str(path))
    assert found["sources"]["input"]["payload_bits"] == counts.payload_bits[:, 0].sum() > 0
    assert "payload_bits" not in found["sources"]["output"]
    odin = next(table for table in found["estimates"] if table["table"] == "odin")
    assert odin["spiking"] is None
    assert odin["not_billed"] == {"spiking": "layer 'output': multiply_accumulate: the figure is of binary spikes"}
    page = Tables(path.read_text(encoding="utf-8"))
    assert page.row("Energy by table", "odin")[0] == "-"
    assert_shows(page.row("Spikes", "input")[3], counts.payload_bits[:, 0].sum() / 5)
    assert "the figure is of binary spikes" in page.text
    out = call(capsys, *words)[1]
    assert "payload bits" in out
    assert "not billed: spiking by odin, seneca, spinnaker2, truenorth: layer 'output'" in out


def test_no_event_at_all(files: SimpleNamespace, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    found = printed(capsys, "chain.net", "--input", "silent.npz", "--html", str(path))
    assert found["totals"]["hidden"]["syn_ops"] == 0
    assert found["spike_rate"] == 0
    assert found["estimates"][0]["spiking"]["joules"] == found["estimates"][0]["spiking"]["fixed"] > 0
    assert Tables(path.read_text(encoding="utf-8")).row("Energy by table", "odin")[0] == "0 J"


def test_own_table(files: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, "chain.net", "--input", "flat.npz", "--tables", "[loihi1,mine.yaml]")
    assert [table["table"] for table in found["estimates"]] == ["loihi1", "mine"]
    counts, _, _ = expected(files.networks["chain.net"], files.events)
    updates, operations = counts.dendrite_updates.sum() / 70, counts.syn_ops.sum() / 70
    joules = found["estimates"][1]["spiking"]["joules"]
    assert joules == pytest.approx(8e-12 * updates + 2.5e-12 * operations, rel=1e-12)
    assert found["tables"][1]["source"] == TABLE["source"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.net", "--input", "events.npz"], "cannot read missing.net"),
        (["deep.net", "--input", "missing.npz"], "cannot read missing.npz"),
        (["deep.net", "--input", "events.npz", "--compare", "missing.net"], "cannot read missing.net"),
        (["deep.net", "--input", "events.npz", "--compare", "deep.net"], "deep.net is given twice"),
        (["deep.net", "--input", "empty.npz"], "empty.npz holds no samples: there is nothing to count"),
        (["deep.net", "--input", "narrow.npz"], "shape: the network's input is (2, 5, 4), got (39,)"),
        (["deep.net", "--input", "events.npz", "--tables", "loihi2"], "no cost table 'loihi2'"),
        (
            ["deep.net", "--input", "events.npz", "--tables", "mine.yaml,mine.yaml,odin.yaml"],
            "no cost table 'odin.yaml'",
        ),
        (["deep.net", "--input", "events.npz", "--tables", "again.yaml,mine.yaml"], "two tables are named 'mine'"),
        (["deep.net", "--input", "events.npz", "--tables", "nowhere.yaml"], "source: missing"),
        (
            ["deep.net", "--input", "events.npz", "--tables", "nan.yaml"],
            "accumulate: must be a number above 0, got nan",
        ),
        (["deep.net", "--input", "events.npz", "--tables", "silent.yaml"], "nothing said about neuron_update"),
        (["deep.net", "--input", "events.npz", "--time-steps", "0,4"], "--time-steps: must be at least 1, got 0"),
        (["deep.net", "--input", "events.npz", "--time-steps", "13"], "--time-steps: must be below 13, got 13"),
        (["deep.net", "--input", "events.npz", "--time-steps", "few"], "--time-steps: must be numbers"),
        (["deep.net", "--input", "events.npz", "--time-steps", "4", "--n-steps", "9"], "cannot be given together"),
        (["deep.net", "--input", "events.npz", "--n-steps", "0"], "--n-steps must be at least 1, got 0"),
        (["deep.net", "--input", "events.npz", "--html", "no/page.html"], "cannot write no/page.html"),
        (["deep.net", "--input", "events.npz", "--csv", "/dev/null"], "cannot write /dev/null"),
        (["deep.net", "--input", "events.npz", "--html", "deep.net"], "--html must not be the file deep.net"),
        (["deep.net", "--input", "events.npz", "--csv", "events.npz"], "--csv must not be the file events.npz"),
        (["deep.net", "--input", "events.npz", "--tables", "mine.yaml", "--csv", "mine.yaml"], "the file mine.yaml"),
        (["deep.net", "--input", "events.npz", "--csv", "x", "--html", "./x"], "must not be the same file"),
    ],
)
def test_refused_before_anything_runs(
    files: SimpleNamespace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("ran")

    monkeypatch.setattr(command, "measure", never)
    prices: dict[str, Any] = {**of_kind(dict, TABLE["picojoules"])}
    write_table(Path("again.yaml"))
    write_table(Path("nowhere.yaml"), source=None)
    write_table(Path("nan.yaml"), picojoules=prices | {"accumulate": float("nan")})
    write_table(Path("silent.yaml"), picojoules={kind: prices[kind] for kind in prices if kind != "neuron_update"})
    before = {path.name: path.read_bytes() for path in files.folder.iterdir()}
    status, out, err = call(capsys, *words)
    assert status == 2
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    assert {path.name: path.read_bytes() for path in files.folder.iterdir()} == before


def test_activity_is_that_of_the_samples_named(files: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    network = files.networks["deep.net"]
    found = printed(capsys, "deep.net", "--input", "events.npz")["activity"]
    assert (len(found["samples"]), found["samples"][0], found["samples"][-1]) == (32, 0, 69)
    chosen = files.events.select(found["samples"])
    result = run(network, chosen, "reference", n_steps=14, record=["spikes"])
    spikes = {"input": chosen.with_steps(14), **{name: kept.spikes for name, kept in result.recordings.items()}}
    steps = step_counts(network, spikes, 14)
    for number, name in enumerate(network.shapes):
        assert found["sent"][name] == steps.sent[:, number].mean(axis=0).tolist()
    assert found["syn_ops"]["classes"] == steps.synapse_ops[:, 1:].sum(axis=1).mean(axis=0).tolist()


def test_a_sample_that_counts_differently_is_an_error(
    files: SimpleNamespace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(network: Network, events: Events, **options: Any) -> Any:
        kept = np.arange(events.n_events) > 0
        offsets = np.array([0, kept.sum()])
        fewer = replace(events, step=events.step[kept], neuron=events.neuron[kept], offsets=offsets)
        return run(network, fewer, **options)

    monkeypatch.setattr(activity, "run", other)
    assert call(capsys, "deep.net", "--input", "events.npz")[0] == 0
    status, _, err = call(capsys, "deep.net", "--input", "events.npz", "--json")
    assert status == 2
    assert "was counted differently a second time" in err


def test_samples_with_too_many_events_are_not_drawn(
    files: SimpleNamespace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(activity, "MOST_EVENTS", 3)
    path = tmp_path / "page.html"
    found = printed(capsys, "deep.net", "--input", "events.npz", "--html", str(path))
    assert found["activity"]["samples"] == []
    assert found["totals"]["features"]["syn_ops"] > 0
    assert "not drawn: a sample has too many events" in path.read_text(encoding="utf-8")


def test_names_are_no_markup(files: SimpleNamespace, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from profile_files import chain

    path, name = tmp_path / "page.html", "[red]<b onclick=alert(1)>&'\"[@x]"
    save(chain(name=name), tmp_path / "hostile.net")
    status, out, err = call(capsys, str(tmp_path / "hostile.net"), "--input", "flat.npz", "--html", str(path))
    assert status == 0, err
    assert name in out
    page = path.read_text(encoding="utf-8")
    assert "<b onclick" not in page
    assert Tables(page).row("Spikes", name)


def test_parts_join_to_the_whole(files: SimpleNamespace) -> None:
    network = files.networks["deep.net"]
    whole = run(network, files.events).counts
    for size in (1, 3, 64, 70):
        total, most = CountsSum(), 0
        for first in range(0, 70, size):
            total.add(run(network, files.events.select(slice(first, first + size))).counts)
            most = max(most, len(total._blocks))
        assert total.joined() == whole == join_counts([whole])
        assert most <= 1 + np.log2(70 / size + 1)


def test_the_documented_table_and_program_work(files: SimpleNamespace, tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parent.parent / "docs" / "reference" / "bill.md").read_text(encoding="utf-8")
    table = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    program = next(found for found in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "bill_of" in found)
    assert table
    (tmp_path / "mine.yaml").write_text(table[1], encoding="utf-8")
    counts, bill, _ = expected(files.networks["chain.net"], files.events)
    found = bill_of(files.networks["chain.net"], counts, 12, [load_table(tmp_path / "mine.yaml")]).tables[0]
    assert found.spiking is not None
    assert found.spiking.total > 0
    (tmp_path / "model.net").write_bytes(Path("chain.net").read_bytes())
    (tmp_path / "events.npz").write_bytes(Path("flat.npz").read_bytes())
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(str(bill.spike_rate))


def test_every_table_is_documented() -> None:
    text = (Path(__file__).resolve().parent.parent / "docs" / "reference" / "bill.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (`.*?) \|", text.split("## Tables")[1].split("##")[0], re.MULTILINE)
    assert sorted(" ".join(listed).replace("`", "").replace(",", "").split()) == sorted(bundled_tables())
    for name in bundled_tables():
        row = next(line for line in text.splitlines() if line.startswith("|") and f"`{name}`" in line)
        assert row.endswith(f"| {priced(load_table(name))} |")
