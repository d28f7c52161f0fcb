"""`lapilli bench simulate`: every part at small size, outputs compared first; what differs is an error or is shown."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lapilli import cli
from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network, UnsupportedError, save
from lapilli.simulators import Events, run
from lapilli.simulators.bench import (
    PARTS,
    Row,
    Sizes,
    Watch,
    bench_part,
    limits,
    memory,
    peers,
    recurrent_network,
    start,
)
from lapilli.simulators.bench import counting as counting_part
from lapilli.simulators.bench import delays as delays_part
from lapilli.simulators.bench.dense import bench_dense
from lapilli.simulators.bench.measuring import at_least, at_most, repeated
from lapilli.simulators.bench.networks import DELAY_KINDS, delayed_network
from lapilli.simulators.random_events import random_events

SMALL = Sizes(hidden=(24,), n_steps=30, density=0.1, batch=3, repeats=2, samples=70, memory_samples=400)


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a machine that has only one."""
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1})


# Rows.


def test_a_row_has_the_median_and_the_extremes_of_its_values() -> None:
    bar: dict[str, Any] = {**at_least(5, 4)}
    row = Row("part", "1-2", "fast", 1, 2, 3, "ms", (3.0, 1.0, 2.0), ratio=1 / 3, **bar)
    record = row.as_dict()
    assert (record["median"], record["min"], record["max"], record["repeats"]) == (2.0, 1.0, 3.0, 3)
    assert (record["ratio"], record["bar"], record["met"]) == (0.33333, "≥ 4", "yes")
    assert "values" not in record
    assert Row("part", "1-2", "fast", 1, 2, 3, "ms", (1.0,)).as_dict().keys() == record.keys()


def test_bars_are_judged_only_where_they_apply() -> None:
    assert at_least(3.9, 4) == {"bar": "≥ 4", "met": "no"}
    assert at_most(6, 6) == {"bar": "≤ 6", "met": "yes"}
    assert at_most(6.1, 6)["met"] == "no"
    assert at_least(5, 4, applies=False) == {}
    assert Sizes().standard
    assert not SMALL.standard


def test_the_first_run_is_not_counted() -> None:
    values = iter([100.0, 1.0, 2.0])
    assert repeated("something", lambda: next(values), 2, Watch()) == (1.0, 2.0)


# Networks.


def test_all_kinds_of_delays_have_the_same_weights() -> None:
    networks = [delayed_network(10, kind, 3) for kind in DELAY_KINDS]
    synapses: list[Any] = [network.layers[0].synapses[0] for network in networks]
    assert all(np.array_equal(synapse.weights, synapses[0].weights) for synapse in synapses)
    assert [None if synapse.delays is None else np.shape(synapse.delays) for synapse in synapses] == [
        None,
        (10, 1),
        (1, 700),
        (10, 700),
    ]
    assert max(np.max(synapse.delays) for synapse in synapses[1:]) == 62


# Parts.


@pytest.mark.slow
@pytest.mark.lava
def test_recurrent_compares_and_times_lava_and_fast() -> None:
    rows = bench_part("recurrent", SMALL, Watch())
    lava, *fast = rows
    assert (lava.what, lava.batch, lava.ratio) == ("lava", 1, None)
    assert {(row.what, row.batch) for row in fast} == {("fast", 1), ("fast", 3)}
    for row in fast:
        assert row.ratio == pytest.approx(lava.median / row.median)
        assert row.bar == ""
    counts = run(recurrent_network(24, 0), random_events(recurrent_network(24, 0), 3, 30, 0.1, 1).select([0])).counts
    assert {row.syn_ops_per_sample for row in rows} == {counts.syn_ops.sum()}
    assert all(row.compared.startswith("lava = fast: ") for row in rows)


@pytest.mark.usefixtures("two_cores")
def test_threads_are_timed_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = bench_part("threads", SMALL, Watch())
    assert (one.threads, two.threads, len(one.values), len(two.values)) == (1, 2, 2, 2)
    assert two.ratio == pytest.approx(one.median / two.median)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0})
    assert bench_part("threads", SMALL, Watch()) == []


@pytest.mark.slow
def test_peers_with_our_arithmetic_are_equal_and_others_show_their_difference() -> None:
    pytest.importorskip("snntorch", reason="snnTorch is not installed (the extra `test`)")
    sizes = Sizes(hidden=(24,), n_steps=300, density=0.02, batch=4, repeats=1)
    fast, numpy, slayer, snntorch = bench_part("peers", sizes, Watch())
    assert [row.what for row in (fast, numpy, slayer, snntorch)] == ["fast", "numpy", "SLAYER", "snnTorch"]
    for row in (numpy, slayer):
        assert row.compared.count("spikes, equal") == 2
        assert "differ" not in row.compared
    assert "differ (" in snntorch.compared
    assert "first in step" in snntorch.compared
    assert {row.threads for row in (fast, numpy, slayer, snntorch)} == {1}


def fake_peer(monkeypatch: pytest.MonkeyPatch, exact: bool, flips: int) -> None:
    """A peer that gives our own spikes, some of them wrong."""

    def forward_of(network: Network, events: Events, n_steps: int) -> Any:
        record = {layer.name: ("spikes",) for layer in network.layers}
        recordings = run(network, events, "reference", n_steps=n_steps, record=record).recordings
        spikes: dict[str, Any] = {name: recording.spikes.to_dense() for name, recording in recordings.items()}
        for flip in range(flips):
            spikes["hidden"][0, flip, 7] ^= 1
        return lambda: spikes

    monkeypatch.setattr(peers, "PEERS", (peers.Peer("fake", "fake_peer", exact, ""),))
    monkeypatch.setitem(sys.modules, "fake_peer", SimpleNamespace(forward_of=forward_of))


def test_an_exact_peer_that_differs_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_peer(monkeypatch, exact=True, flips=1)
    with pytest.raises(LapilliError, match=r"1 of [0-9]+ spikes of 'hidden' differ in fake"):
        bench_part("peers", SMALL, Watch())


def test_the_share_of_differing_spikes_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_peer(monkeypatch, exact=False, flips=3)
    _, row = bench_part("peers", SMALL, Watch())
    assert "3 differ (" in row.compared
    assert "first in step 7; output: " in row.compared
    assert row.compared.endswith("equal")


def test_a_peer_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PEERS", (peers.Peer("nothing", "no_such_package_here", True, ""),))
    notes: list[str] = []
    assert len(bench_part("peers", SMALL, Watch(notes.append))) == 1
    assert "skipped: nothing needs no_such_package_here, which is not installed" in notes


def test_the_numpy_peer_refuses_what_it_cannot_say() -> None:
    from lapilli.simulators.bench.peer_numpy import forward_of

    def two_layers(neuron: CubaLif, **options: Any) -> Network:
        feed, back = DenseSynapse("input", np.full((3, 4), 250)), DenseSynapse("hidden", np.zeros((3, 3)))
        read = DenseSynapse("hidden", np.ones((2, 3)), **options)
        return Network((4,), (Layer("hidden", (3,), neuron, (feed, back)), Layer("output", (2,), neuron, (read,))))

    events = Events.from_dense(np.ones((1, 4, 5), int))
    with pytest.raises(UnsupportedError, match="currents may wrap"):
        forward_of(two_layers(CubaLif(100, 1, 256)), events, 5)
    with pytest.raises(UnsupportedError, match="without bias"):
        forward_of(two_layers(CubaLif(100, 1024, 256, bias_mant=1)), events, 5)
    with pytest.raises(UnsupportedError, match="delays: not written"):
        forward_of(two_layers(CubaLif(100, 1024, 256), delays=np.full((1, 1), 3)), events, 5)


def test_dense_rows_have_the_share_of_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_SECONDS", 0.01)
    add, read, *fast = bench_dense(SMALL, Watch())
    assert (add.what, read.what, len(fast)) == ("add limit", "read limit", 3)
    assert add.median > 0.1
    for row in fast:
        assert row.ratio == pytest.approx(row.median / add.median)
        assert row.syn_ops_per_sample is not None
        assert row.compared.startswith("reference = fast: ")
    assert fast[0].syn_ops_per_sample < fast[1].syn_ops_per_sample < fast[2].syn_ops_per_sample


def test_counting_is_timed_beside_not_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    without, counting = bench_part("counting", SMALL, Watch())
    assert (without.what, counting.what) == ("fast, without counts", "fast, with counts")
    assert counting.ratio == pytest.approx(counting.median / without.median)
    assert "output spikes" in counting.compared
    monkeypatch.setattr(counting_part, "counts_of_kept", lambda *arguments: None)
    with pytest.raises(LapilliError, match="counting changes what is run"):
        bench_part("counting", SMALL, Watch())


@pytest.mark.slow
@pytest.mark.lava
def test_delays_are_compared_with_the_same_backend_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delays_part, "LAVA_STEPS", 4)
    monkeypatch.setattr(delays_part, "N_NEURONS", 16)
    rows = bench_part("delays", SMALL, Watch())
    for backend in ("fast", "lava"):
        plain, *delayed = [row for row in rows if row.what.startswith(backend)]
        assert (plain.ratio, len(delayed)) == (None, 3)
        assert all(row.ratio == pytest.approx(row.median / plain.median) for row in delayed)


@pytest.mark.slow
def test_pilotnet_runs_as_in_lava() -> None:
    rows = bench_part("pilotnet", Sizes(n_steps=2, repeats=1), Watch())
    if not rows:
        pytest.skip("this lava-dl came without its PilotNet")
    lava, fast = rows
    assert fast.ratio == pytest.approx(lava.median / fast.median)
    n_spikes = int(fast.compared.split()[3].replace(",", ""))
    assert n_spikes > 1000


@pytest.mark.slow
def test_file_is_decided_the_same_by_threads_and_processes() -> None:
    rows = bench_part("file", SMALL, Watch())
    assert [row.batch for row in rows] == [70] * len(rows)
    assert len({row.remark for row in rows}) == 1
    assert "accuracy" in rows[0].remark


def test_the_start_of_a_process_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(recurrent_network(8, 0), tmp_path / "model.net")
    code = "import os, sys, time; assert os.path.exists(sys.argv[1]); time.sleep(0.2); print(time.time())"
    monkeypatch.setattr(start, "_FIRST_STEP", code)
    assert 0.2 < start.seconds_to_first_step(tmp_path / "model.net", tmp_path) < 600
    with pytest.raises(LapilliError, match="AssertionError"):
        start.seconds_to_first_step(tmp_path / "missing.net", tmp_path)


@pytest.mark.slow
def test_what_a_process_does_until_its_first_step(tmp_path: Path) -> None:
    """The text that `start` runs, with the kernels that are compiled already."""
    save(recurrent_network(8, 0), tmp_path / "model.net")
    words = [sys.executable, "-c", start._FIRST_STEP, str(tmp_path / "model.net")]
    assert float(subprocess.run(words, capture_output=True, check=True).stdout) > 1e9


def test_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = {1: 900.0, 20: 100.0, 400: 117.0}

    def finished(network: Path, events: Path, output: Path) -> Any:
        return memory.Finished("", peaks[len(np.load(events)["offsets"]) - 1])

    monkeypatch.setattr(memory, "simulate_in_child", finished)
    rows = bench_part("memory", SMALL, Watch())
    assert [row.median for row in rows] == [100, 117]
    assert (rows[1].bar, rows[1].met) == ("≤ 116", "no")


# The command.


@pytest.mark.usefixtures("two_cores")
def test_the_command_prints_tables_and_writes_where_rows_come_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--parts", "threads,start", "--hidden", "[16,8]", "--steps", "20", "--batch", "2", "--repeats", "1"]
    code = "import time; print(time.time())"
    monkeypatch.setattr(start, "_FIRST_STEP", code)
    assert cli.main(["bench", "simulate", *words, "--out", str(tmp_path / "rows.csv")]) == 0
    out, err = capsys.readouterr()
    assert PARTS["threads"].title in out
    assert "  700-8r-20: 1 thread = 2 threads: " in out
    assert "part 2 of 2: start" in err
    with open(tmp_path / "rows.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["part"] for row in rows] == ["threads"] * 4 + ["start"] * 2
    assert {row["network"] for row in rows} == {"700-16r-20", "700-8r-20", "700-256r-20"}
    assert all(row[name] for row in rows for name in ("commit", "date", "machine", "seed", "command", "median"))


@pytest.mark.usefixtures("two_cores")
def test_the_command_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--parts", "[threads]", "--hidden", "[8]", "--steps", "20", "--batch", "2", "--repeats", "1", "--json"]
    assert cli.main(["bench", "simulate", *words]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["part"], row["threads"]) for row in rows] == [("threads", 1), ("threads", 2)]


@pytest.mark.usefixtures("two_cores")
def test_rows_of_finished_parts_are_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_peer(monkeypatch, exact=True, flips=1)
    words = ["--parts", "threads,peers", "--hidden", "[16]", "--steps", "30", "--batch", "2", "--repeats", "1"]
    assert cli.main(["bench", "simulate", *words, "--out", str(tmp_path / "rows.csv")]) == 2
    with open(tmp_path / "rows.csv", encoding="utf-8") as file:
        assert [row["part"] for row in csv.DictReader(file)] == ["threads", "threads"]


def test_unknown_parts_are_named_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "simulate", "--parts", "recurrent,speed"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("lapilli: --parts: must be one of recurrent, threads, ")
    assert "got 'speed'" in err
