"""One time step with a recurrent layer in the windows: beside a slow loop, in the recipe, and refused for export."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from one_step_cases import random_images, random_module
from tiny_images import NAME, register
from training_runs import metrics

from lapilli import cli
from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.training.data.framing import Framing
from lapilli.training.data.tasks import DataConfig
from lapilli.training.exported.export import load_module
from lapilli.training.loop import classifier
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.loop.run_folder import RunFolder, read_config
from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.one_step.network import OneStepNetwork
from lapilli.training.networks.one_step.nodes.recurrence import WindowRecurrence
from lapilli.training.networks.time import slayer_input
from lapilli.training.recipes.surrogate_gradient import train
from lapilli.training.studies import __main__ as studies

MIXERS = ("lstm", "rnn", "gru")
WIDTHS: dict[str, Any] = {"widths": (3, 4), "depths": (2, 1)}
CLOSE = 1e-5
"""Of currents: float32 against float64."""


def loud_module(config, seed):
    """A random module whose recurrent layers drive their neurons above thresholds."""
    module = random_module(config, seed)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if "recurrence" in name:
                weight.mul_(4)
            if "recurrence.bias_ih" in name:
                weight.add_(0.8)
    return module


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def unit_outputs(layer, mixer, suffix, places):
    """What the units of one direction send for each place, by the formulas of the three layers, (places, units)."""
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    w, u, b, c = (getattr(layer, name + suffix).detach().double().numpy() for name in names)
    h = memory = np.zeros(u.shape[1])
    sent = []
    for x in places:
        read, before = w @ x + b, u @ h + c
        if mixer == "rnn":
            h = np.tanh(read + before)
        elif mixer == "gru":
            (reset, update, new), (r, z, n) = np.split(read, 3), np.split(before, 3)
            keep = sigmoid(update + z)
            h = (1 - keep) * np.tanh(new + sigmoid(reset + r) * n) + keep * h
        else:
            i, f, g, o = np.split(read + before, 4)
            memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(memory)
        sent.append(h)
    return np.array(sent)


def window_currents(layer, mixer, window):
    """(rows, columns, directions times units) of a window (rows, columns, channels), row by row and back."""
    places = window.reshape(-1, window.shape[-1]).astype(float)
    found = [unit_outputs(layer, mixer, "", places)]
    if layer.bidirectional:
        found.append(unit_outputs(layer, mixer, "_reverse", places[::-1])[::-1])
    return np.concatenate(found, axis=-1).reshape(*window.shape[:2], -1)


def map_of_potentials(windows, cutting):
    """Each place has the mean of the windows that cover it."""
    samples, side, channels = windows.shape[1], cutting.side, windows.shape[-1]
    total, number = np.zeros((samples, side, side, channels)), np.zeros((side, side, 1))
    for window, (top, left) in zip(windows, cutting.origins):
        rows, columns = cutting.window
        total[:, top : top + rows, left : left + columns] += window
        number[top : top + rows, left : left + columns] += 1
    return total / number


def merged(layer, values):
    """2 x 2 places as one, by the weights of a convolution."""
    weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
    found = np.zeros((len(values), values.shape[1] // 2, values.shape[2] // 2, len(weight))) + bias
    for y in range(2):
        for x in range(2):
            found += values[:, y::2, x::2] @ weight[:, :, y, x].T
    return found


def omega(a, b):
    return 2 * np.sin(np.pi / 4 * a) * np.cos(np.pi / 4 * b)


def start(fusion, a, b):
    """0.4 times what a window begins with."""
    return 0.4 * {"none": 0 * a, "group": a, "layer": b, "sum": a + b, "omega": omega(a, b)}[fusion]


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize(
    ("fusion", "directions", "dilated"), [("omega", 2, True), ("sum", 1, True), ("layer", 2, False), ("group", 2, True)]
)
def test_potentials_are_those_of_a_slow_loop(mixer, fusion, directions, dilated):
    """Currents of each window by the layer's formulas, then `0.4 f(own before, below) + I`, block behind block."""
    config = OneStepConfig(**WIDTHS, mixer=mixer, fusion=fusion, directions=directions, dilated=dilated)
    module = loud_module(config, 4)
    with torch.no_grad():
        sent = module.sent(slayer_input(random_images(module, 2), 2))
    units = [node for node in module.nodes if isinstance(node, WindowRecurrence)]
    assert [node.cutting.dilated for node in units] == [False, dilated, False]
    handed = None
    for node in units:
        spikes_in = sent[node.reads].values.numpy()
        assert set(np.unique(spikes_in)) == {0, 1}
        if handed is not None and handed.shape[1] != node.cutting.side and fusion != "group":
            handed = merged(module.weighted(node.below), handed)
        potentials: list[Any] = []
        rows, columns = node.cutting.window
        for number, (top, left) in enumerate(node.cutting.origins):
            place = np.s_[:, top : top + rows, left : left + columns]
            layer = module.layers[node.name]
            current = np.stack([window_currents(layer, mixer, window) for window in spikes_in[place]])
            below = np.zeros_like(current) if handed is None or fusion == "group" else handed[place]
            initial = start(fusion, potentials[-1], below) if number else 0
            found = sent[node.name].potential[number].double().numpy()
            # Currents are rounded to 8 bits; Omega is a table; errors of a window before are carried on.
            bound = 2.0**-9 + CLOSE + (0.018 if fusion == "omega" and number else 0.001)
            assert np.abs(found - initial - current).max() < bound
            assert np.array_equal(sent[node.name].values[number].numpy(), found > 0.5)
            potentials.append(found)
        handed = map_of_potentials(np.stack(potentials), node.cutting)
    assert all(0.02 < sent[node.name].values.mean() < 0.98 for node in units)


def test_what_windows_hand_on_is_read_or_not_there():
    names = {node.name for node in module_of(fusion="omega").nodes}
    assert {"s0b1_below", "s1b0_below", "s1b0_below_merge"} <= names
    assert "s0b0_below" not in names
    for options in ({"fusion": "group"}, {"fusion": "none"}, {"groups": 1}):
        assert not [node.name for node in module_of(**options).nodes if "below" in node.name]


def module_of(**options):
    return OneStepNetwork(OneStepConfig(**{**WIDTHS, "mixer": "lstm", **options}), (3, 16, 16), 5)


@pytest.mark.parametrize("options", [{}, {"mixer": "gru", "fusion": "tanh", "join": "median"}, {"groups": 1}])
def test_every_weight_has_a_gradient(options):
    torch.manual_seed(0)
    module = loud_module(OneStepConfig(**{**WIDTHS, "mixer": "lstm", **options}), 1).train()
    module(slayer_input(random_images(module, 4), 2)).square().sum().backward()
    without = [name for name, weight in module.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not without


def test_windows_are_read_in_their_order():
    """A change in the last window reaches no other; one in the first reaches the potentials of those behind it."""
    module = random_module(OneStepConfig(widths=(4,), depths=(1,), mixer="lstm", fusion="group"), 2)
    values = slayer_input(random_images(module, 1), 2)
    changed = {}
    with torch.no_grad():
        plain = module.sent(values)["s0b0_recurrence"].potential
        for window, (row, column) in enumerate([(0, 0), (0, 8), (8, 0), (8, 8)]):
            other = values.clone()
            other[:, :, row : row + 8, column : column + 8] = 255 - other[:, :, row : row + 8, column : column + 8]
            apart = (module.sent(other)["s0b0_recurrence"].potential != plain).flatten(1).any(1)
            changed[window] = apart.tolist()
    assert changed == {
        0: [True, True, True, True],
        1: [False, True, True, True],
        2: [False, False, True, True],
        3: [False, False, False, True],
    }


def test_costs_are_the_products_of_an_image():
    module = random_module(OneStepConfig(**WIDTHS, mixer="rnn"))
    values = slayer_input(random_images(module, 2), 2)
    with torch.no_grad():
        costs = module.costs(values, module.answers(values))
    assert costs.spikes == 0
    assert costs.operations > 0
    assert module.depth == 0


@pytest.mark.parametrize("mixer", MIXERS)
def test_gates_in_floating_point_are_not_exported(mixer):
    module = random_module(OneStepConfig(**WIDTHS, mixer=mixer))
    expected = f"network.mixer: the gates of {mixer} are in floating point; convolution can be exported"
    with pytest.raises(UnsupportedError, match=expected):
        module.export()


NETWORK = OneStepConfig(widths=(6, 8), depths=(1, 1), mixer="lstm", integer_share=0.5)
DATA = DataConfig(NAME, Framing(n_steps=1, levels=255))
OPTIMIZER = OptimizerConfig(max_epochs=4, batch_size=16, lr=0.01, clip_norm=20, keep="last")


def train_bars(run_dir: Path, **options):
    settings = {"data": DATA, "network": NETWORK, "optimizer": OPTIMIZER, "loss": LossConfig(gain=1)}
    with pytest.raises(LapilliError, match=r"network.mixer: the gates of lstm are in floating point"):
        train(run_dir, progress=False, watch_test=True, **{**settings, **options})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("finished") / "bars"
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        train_bars(path)
    return path


def test_a_run_learns_and_leaves_metrics_and_weights(finished):
    rows = metrics(finished)
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert len(rows) == 4
    assert isinstance(load_module(finished), OneStepNetwork)
    assert read_config(RunFolder(finished))["network"]["mixer"] == "lstm"
    assert not RunFolder(finished).network.exists()


def test_a_run_that_was_stopped_ends_with_the_same_weights(finished, tmp_path, monkeypatch):
    register(monkeypatch)
    whole = classifier.Classifier.training_step

    def stopping(self, batch, batch_idx):
        if self.current_epoch == 2 and batch_idx == 1:
            raise KeyboardInterrupt
        return whole(self, batch, batch_idx)

    settings: dict[str, Any] = {"data": DATA, "network": NETWORK, "optimizer": OPTIMIZER, "loss": LossConfig(gain=1)}
    with monkeypatch.context() as patch:
        patch.setattr(classifier.Classifier, "training_step", stopping)
        with pytest.raises(LapilliError, match="stopped after epoch"):
            train(tmp_path / "run", progress=False, watch_test=True, **settings)
    train_bars(tmp_path / "run", resume=True)
    assert metrics(tmp_path / "run") == metrics(finished)
    assert RunFolder(tmp_path / "run").weights.read_bytes() == RunFolder(finished).weights.read_bytes()


def test_commands_say_that_it_cannot_be_exported(finished, tmp_path, monkeypatch, capsys):
    register(monkeypatch)
    assert cli.main(["export", str(finished), "--out", str(tmp_path / "a.net")]) == 2
    assert "the gates of lstm are in floating point" in capsys.readouterr().err
    assert cli.main(["prove", str(finished)]) == 2
    assert "the gates of lstm are in floating point" in capsys.readouterr().err
    with pytest.raises(LapilliError, match="the gates of lstm are in floating point"):
        studies.prove(str(finished))
