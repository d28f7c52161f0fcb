"""Accuracy over how much of a word has been heard: decisions as of words that end there, streams, table and picture."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spikescr_cases import random_module, random_samples
from timed_recordings import NAME, register

from lapilli.netx_exports import LapilliError
from lapilli.simulators import run
from lapilli.simulators.decisions.decide import decide, needed_recording
from lapilli.training.data.framing import Framing
from lapilli.training.data.samples import in_memory
from lapilli.training.data.tasks import DataConfig
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.recipes.surrogate_gradient import train
from lapilli.training.studies.spikescr.heard import SHARES, Heard, check_causal, draw_heard, listen, streamed_run
from lapilli.training.studies.spikescr.tables import heard

SMALL = SpikeScrConfig(heads=2, width=16, kernel=5)


@pytest.mark.parametrize("seed", [0, 1])
def test_decisions_are_those_on_words_that_end_there(seed):
    module = random_module(SMALL, seed)
    network, events = module.export(), random_samples(module, 12, seed)
    found = listen(network, in_memory(events), module.depth, 10.0, streamed=3)
    for seen in range(1, module.n_steps + 1):
        cut = run(
            network,
            events.with_steps(seen),
            "reference",
            n_steps=seen + module.depth,
            record=needed_recording(network),
        )
        assert np.array_equal(found.decisions[:, seen - 1], decide(cut, network))
    assert len(np.unique(found.decisions)) > 1


def test_a_stream_has_the_voltages_of_a_run():
    module = random_module(SMALL)
    network, events = module.export(), random_samples(module, 1)
    name, n_steps = network.output.name, module.n_steps + module.depth
    expected = run(network, events, "reference", n_steps=n_steps, record={name: {"voltage"}})
    found = streamed_run(network, events, module.depth)
    assert np.array_equal(found.recordings[name].voltage, expected.recordings[name].voltage)
    assert np.array_equal(found.counts.synapse_ops, expected.counts.synapse_ops)


@pytest.mark.parametrize("given", [{"look_ahead": 3}, {"look_ahead": "full"}, {"convolutions": "centred"}])
def test_networks_that_see_ahead_are_refused(given):
    module = random_module(replace(SMALL, **given))
    with pytest.raises(LapilliError, match="only a causal network"):
        check_causal(module.export(), random_samples(module, 4), module.depth)


def test_a_stream_that_decides_otherwise_is_named(monkeypatch):
    module = random_module(SMALL)
    network, events = module.export(), random_samples(module, 3)
    other = random_module(SMALL, 1).export()
    monkeypatch.setattr(
        "lapilli.training.studies.spikescr.heard.streamed_run", lambda _, events, lag: streamed_run(other, events, lag)
    )
    with pytest.raises(LapilliError, match="sample 0: a stream decides otherwise"):
        listen(network, in_memory(events), module.depth, 10.0, streamed=1)


def test_shares_are_of_each_words_own_length():
    # The first word of 4 steps is known from its third one on, the second one of 10 steps from its sixth one on.
    decisions = np.zeros((2, 10), int)
    decisions[0, 2:] = 1
    decisions[1, 5:] = 1
    rows = Heard(decisions, np.array([1, 1]), np.array([4, 10]), 3, 20.0).rows()
    of_shares = {row["value"]: row["test_accuracy"] for row in rows if row["heard"] == "share"}
    assert list(of_shares) == [round(share, 4) for share in SHARES]
    # Of 4 steps 50 % are two, 55 % three; of 10 steps 50 % are five, 55 % six.
    assert [of_shares[share] for share in (0.05, 0.5, 0.55, 1.0)] == [0, 0, 1, 1]
    of_time = [row for row in rows if row["heard"] == "ms"]
    assert [row["test_accuracy"] for row in of_time] == [0, 0, 0.5, 0.5, 0.5, 1, 1, 1, 1, 1]
    assert [(row["value"], row["answered_ms"]) for row in of_time[:2]] == [(20, 80), (40, 100)]


def test_networks_of_more_and_fewer_steps_stand_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    register(monkeypatch)
    monkeypatch.setattr("lapilli.training.studies.collect.commit", lambda: "aaa")
    optimizer = OptimizerConfig(max_epochs=1, batch_size=32, keep="last")
    given: dict[str, Any] = {"network": SMALL, "optimizer": optimizer, "loss": LossConfig(gain=20), "progress": False}
    summaries = {}
    for name, width, seed in (("fine", 4.0, 0), ("fine", 4.0, 1), ("coarse", 10.0, 0)):
        data = DataConfig(NAME, Framing(bin_ms=width), lines="valid")
        run_dir = tmp_path / f"{name}-{seed}"
        summaries[str(run_dir)] = train(run_dir, data=data, seed=seed, **given)
    runs = [f"{Path(folder).name.split('-')[0]}={folder}" for folder in summaries]
    heard(str(tmp_path / "t.csv"), runs, streamed=2)
    with open(tmp_path / "t.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for folder, summary in summaries.items():
        (whole,) = (row for row in rows if (row["run"], row["heard"], row["value"]) == (folder, "ms", "80.0"))
        assert float(whole["test_accuracy"]) == pytest.approx(summary.test_accuracy, abs=1e-6)
        assert float(whole["answered_ms"]) == 80 + int(whole["lag"]) * 80 / int(whole["steps"])
    assert {(row["name"], row["seed"]) for row in rows} == {("fine", "0"), ("fine", "1"), ("coarse", "0")}
    picture = (tmp_path / "t.svg").read_bytes()
    assert b"<svg" in picture
    assert "100 % heard" in capsys.readouterr().out
    draw_heard(rows, tmp_path / "again.svg", "What is known of a word while it is spoken, test part")
    assert (tmp_path / "again.svg").read_bytes() == picture


def test_what_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match="runs: must be NAME=FOLDER, got 'somewhere'"):
        heard(str(tmp_path / "t.csv"), ["somewhere"])
    with pytest.raises(LapilliError, match="is not a run folder"):
        heard(str(tmp_path / "t.csv"), [f"a={tmp_path / 'none'}"])
    with pytest.raises(LapilliError, match="nothing to draw"):
        draw_heard([], tmp_path / "p.svg", "none")
