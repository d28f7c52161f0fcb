"""`lapilli learn` of a network that knows something: its readout learns, or a new one, and people are warned."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learning_files import learning_files

from lapilli import cli
from lapilli.netx_exports import DenseSynapse, LapilliError, Network, Readout, load, save
from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES, CubaLif
from lapilli.simulators import Events
from lapilli.simulators.learning import Learned, LearningConfig, learn, recorded
from lapilli.simulators.learning.fresh import fresh_network, with_new_readout
from lapilli.simulators.learning.session import LearningSession


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return learning_files(tmp_path, 40)


def learnt(files: dict[str, Path], *more: str) -> int:
    where = ["--input", str(files["events"]), "--run-dir", str(files["events"].with_name("run"))]
    return cli.main(["learn", str(files["network"]), *where, *more])


def weights_of(network: Network, layer: str) -> np.ndarray:
    return network.layer(layer).synapses[0].effective_weights


def test_the_readout_alone_learns_unless_layers_are_named(files: dict[str, Path], tmp_path: Path) -> None:
    assert learnt(files) == 0
    before, after = load(files["network"]), load(tmp_path / "run" / "model.net")
    assert np.array_equal(weights_of(after, "hidden1"), weights_of(before, "hidden1"))
    assert not np.array_equal(weights_of(after, "readout"), weights_of(before, "readout"))


def test_a_new_readout_has_the_classes_of_the_events(files: dict[str, Path], tmp_path: Path) -> None:
    save(fresh_network((16,), [20], 9, 1), files["network"])
    before, events = load(files["network"]), Events.load(files["events"])
    assert learnt(files, "--new-readout") == 0
    after = load(tmp_path / "run" / "model.net")
    assert np.array_equal(weights_of(after, "hidden1"), weights_of(before, "hidden1"))
    expected = learn(with_new_readout(before, 4), events, LearningConfig(), layers=["readout"])
    assert after == expected.network
    assert after.output.shape == (4,)


def test_a_new_readout_keeps_decays_that_all_neurons_share() -> None:
    network = fresh_network((6,), [5], 3, 0)
    shared = CubaLif(NEVER_SPIKES, current_decay=4096, voltage_decay=300)
    apart = replace(shared, voltage_decay=np.array([1, 2, 3]))
    for neuron, decay in ((shared, 300), (apart, 0)):
        old = replace(network.output, neuron=neuron)
        known = replace(network, layers=(network.layers[0], old), readout=Readout("softmax_sum"))
        new = with_new_readout(known, 7)
        assert isinstance(new.output.neuron, CubaLif)
        assert (new.output.neuron.voltage_decay, new.output.shape) == (decay, (7,))
        assert new.readout == Readout("voltage_sum")
        assert not new.output.synapses[0].effective_weights.any()
        assert new.layers[0] == network.layers[0]


def test_new_readouts_that_cannot_be(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    network = fresh_network((6,), [5], 3, 0)
    with pytest.raises(LapilliError, match="new readout: needs 2 classes, got 1"):
        with_new_readout(network, 1)
    two_sources = (*network.output.synapses, DenseSynapse("readout", np.eye(3, dtype=int)))
    recurrent = replace(network, layers=(network.layers[0], replace(network.output, synapses=two_sources)))
    with pytest.raises(LapilliError, match="layer 'readout' must have one source below it, got 'hidden1', 'readout'"):
        with_new_readout(recurrent, 3)
    words = ["learn", "--new", "5", "--new-readout", "--input", str(files["events"]), "--run-dir", "run"]
    assert cli.main(words) == 2
    assert capsys.readouterr().err == "lapilli: --new-readout: all layers of --new are new\n"


def test_weights_at_their_limits_are_counted_and_named(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    fast = ("--learning.readout.causal.mantissa=-7", "--learning.readout.causal.exponent=2")
    assert learnt(files, *fast, "--learning.readout.pre-impulse=127") == 0
    run = files["events"].with_name("run")
    (change,) = json.loads((run / "report.json").read_text())["weight_change"]
    weights = load(run / "model.net").output.synapses[0].effective_weights
    assert change["at_limit"] == np.count_nonzero((weights == -256) | (weights == 255)) > 0.01 * weights.size
    share = f"{change['at_limit'] / weights.size:.2%}"
    assert f"warning: {share} of its weights are at their limits: " in capsys.readouterr().out


def test_what_is_compiled_is_not_billed_as_learning(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[Learned] = []

    def kept(*given: Any, **options: Any) -> Learned:
        learned.append(learn(*given, **options))
        return learned[-1]

    monkeypatch.setattr(recorded, "learn", kept)
    session = LearningSession(load(files["network"]), Events.load(files["events"]), LearningConfig(), None, n_steps=14)
    record = session.run(tmp_path / "record.npz")
    compiled, *stretches = learned
    assert len(compiled.decisions) == 0
    assert sum(len(one.decisions) for one in stretches) == 40
    assert record.seconds == sum(one.seconds for one in stretches)
