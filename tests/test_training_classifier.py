"""The training step: every method in it, what padding, schedules and clipping do, what the loss costs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from timed_recordings import NAME, register
from training_runs import content, last_weights, metrics

from lapilli.training.data.framing import Framing
from lapilli.training.data.tasks import find_task
from lapilli.training.loop import classifier
from lapilli.training.loop.batches import Batch, TrainingBatches, ValidationBatches, valid_steps
from lapilli.training.loop.classifier import Classifier
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.methods import (
    ConfidenceConfig,
    EtcConfig,
    Method,
    PlainConfig,
    SoftmaxSumConfig,
    TetConfig,
    TksConfig,
)
from lapilli.training.networks.network import NetworkConfig, SlayerNetwork, depth
from lapilli.training.recipes.surrogate_gradient import DataConfig, Summary, train

DATA = DataConfig(NAME, Framing(bin_ms=5.0))
NETWORK = NetworkConfig(hidden=(10,), dropout=0.2)
ONE_EPOCH = OptimizerConfig(max_epochs=1, batch_size=32)


@pytest.fixture(autouse=True)
def ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def train_ticks(run_dir: Path, **options: Any) -> Summary:
    defaults = {"data": DATA, "network": NETWORK, "optimizer": ONE_EPOCH, "progress": False}
    return train(run_dir, **{**defaults, **options})


METHODS: list[Method] = [
    PlainConfig(),
    SoftmaxSumConfig(),
    TetConfig(),
    EtcConfig(),
    TksConfig(),
    TksConfig(selector="random", ramp="static"),
    ConfidenceConfig(),
]


def test_every_method_trains_and_ends_the_same_each_time(tmp_path: Path) -> None:
    found = {}
    for number, method in enumerate(METHODS):
        for attempt in ("first", "second"):
            train_ticks(tmp_path / f"{number}-{attempt}", method=method)
        first = content(tmp_path / f"{number}-first")
        assert first == content(tmp_path / f"{number}-second")
        assert np.isfinite(list(metrics(tmp_path / f"{number}-first")[0].values())).all()
        found[str(method)] = first["last"]
    # In the first epoch TKS still is cross-entropy of the mean, as PlainConfig is.
    weights = {str(sorted(last.items())) for last in found.values()}
    assert len(weights) == len(METHODS) - 1
    assert found[str(PlainConfig())] == found[str(TksConfig())]


def test_no_method_is_cross_entropy_with_smoothing(tmp_path: Path) -> None:
    train_ticks(tmp_path / "none")
    train_ticks(tmp_path / "plain", method=PlainConfig(label_smoothing=0.1))
    assert content(tmp_path / "none") == content(tmp_path / "plain")


def test_the_weight_of_knowledge_sharing_grows_with_the_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    method_loss = vars(classifier)["method_loss"]

    def heard(config: Method, logits: torch.Tensor, labels: torch.Tensor, *rest: Any, **more: Any) -> torch.Tensor:
        asked.append((rest, logits.shape[1:]))
        return method_loss(config, logits, labels, *rest, **more)

    monkeypatch.setattr(classifier, "method_loss", heard)
    train_ticks(tmp_path / "run", method=TksConfig(), optimizer=replace(ONE_EPOCH, max_epochs=3))
    # 90 samples: three batches in an epoch. 16 steps of input, and none in which the readout is silent.
    assert asked == [((epoch, 3), (3, 16)) for epoch in range(3) for _ in range(3)]


def test_early_silence_is_cut_off_and_nothing_else() -> None:
    torch.manual_seed(0)
    task = find_task(DATA, progress=False)
    for config in (NetworkConfig(hidden=(6,)), NetworkConfig(hidden=(6, 5), recurrent=True), NetworkConfig(hidden=())):
        module = SlayerNetwork(config, task.shape, 3, task.graded).eval()
        batch = next(iter(ValidationBatches(task.train, task.run_steps(depth(config)), 20)))
        answers = module(batch.values)
        silent = module.silent_steps
        assert silent == len(config.hidden) + 1
        assert not answers[..., :silent].any()
        assert answers[..., silent].any() or config.hidden
        assert answers.shape[-1] - silent == task.train.n_steps


def classifier_of(loss: LossConfig, network: NetworkConfig = NETWORK) -> tuple[Classifier, Batch]:
    torch.manual_seed(0)
    task = find_task(DATA, progress=False)
    n_steps = task.run_steps(depth(network))
    batches = TrainingBatches(task.train, n_steps, 16, 0, task.augment)
    module = SlayerNetwork(network, task.shape, 3, task.graded)
    return Classifier(module, batches, ONE_EPOCH, loss, PlainConfig()), next(iter(batches))


def test_padding_is_masked_where_asked_for() -> None:
    counted, batch = classifier_of(LossConfig())
    masked = classifier_of(LossConfig(padding="masked"))[0]
    lengths, n_steps = batch.lengths, 16
    logits = torch.zeros(len(lengths), 3, n_steps)
    assert counted._valid(counted.network, lengths, logits) is None
    valid = masked._valid(masked.network, lengths, logits)
    assert valid is not None
    assert len(set(lengths.tolist())) > 3
    # Without delays the readout's answer to a step of input is in the same place once silence is cut off.
    assert torch.equal(valid, torch.arange(n_steps) < lengths[:, None])


def test_with_delays_steps_count_until_the_last_spike_is_answered() -> None:
    network = NetworkConfig(hidden=(6, 5), delays=3)
    masked, batch = classifier_of(LossConfig(padding="masked"), network)
    valid = masked._valid(masked.network, batch.lengths, torch.zeros(16, 3, 16 + 2 * 3))
    assert valid is not None
    assert torch.equal(valid.sum(1), batch.lengths + 2 * 3)


def test_a_mask_changes_what_is_learned(tmp_path: Path) -> None:
    train_ticks(tmp_path / "counted", method=TetConfig())
    train_ticks(tmp_path / "masked", method=TetConfig(), loss=LossConfig(padding="masked"))
    assert content(tmp_path / "counted")["last"] != content(tmp_path / "masked")["last"]


def test_valid_steps_are_those_of_the_input_and_some_more() -> None:
    assert valid_steps(torch.tensor([2, 4]), 1, 4).tolist() == [[True, True, True, False], [True] * 4]


def steps_of(
    monkeypatch: pytest.MonkeyPatch, run_dir: Path, optimizer: OptimizerConfig
) -> list[tuple[list[float], float]]:
    """Learning rates of all groups, and the length of the gradient of weights, in each step of a training."""
    seen: list[tuple[list[float], float]] = []
    step = torch.optim.AdamW.step

    def heard(self: torch.optim.AdamW, closure: Any = None) -> Any:
        def closed() -> Any:
            result = closure()
            weights = [part.grad for part in self.param_groups[0]["params"] if part.grad is not None]
            length = torch.stack([gradient.norm() for gradient in weights]).norm()
            seen.append(([group["lr"] for group in self.param_groups], float(length)))
            return result

        return step(self, closed)

    monkeypatch.setattr(torch.optim.AdamW, "step", heard)
    train_ticks(run_dir, optimizer=optimizer, network=replace(NETWORK, delays=2, learn_decays=True))
    return seen


def test_learning_rates_by_epoch_and_by_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = OptimizerConfig(lr=0.2, max_epochs=2, batch_size=32, delay_lr=10.0, decay_lr=0.5)
    by_epoch = [rates for rates, _ in steps_of(monkeypatch, tmp_path / "epoch", config)]
    expected = [0.2] * 3 + [0.1] * 3
    assert [rates[0] for rates in by_epoch] == pytest.approx(expected)
    assert [rates[1:] for rates in by_epoch] == [pytest.approx([rate * 10, rate * 0.5 * 4096]) for rate in expected]
    monkeypatch.undo()
    register(monkeypatch)
    by_batch = steps_of(monkeypatch, tmp_path / "batch", replace(config, schedule="by batch"))
    expected = [0.1 * (1 + np.cos(np.pi * step / 6)) for step in range(6)]
    assert [rates[0] for rates, _ in by_batch] == pytest.approx(expected)


def test_long_gradients_are_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [length for _, length in steps_of(monkeypatch, tmp_path / "free", ONE_EPOCH)]
    monkeypatch.undo()
    register(monkeypatch)
    limit = 0.5 * min(free)
    clipped = [length for _, length in steps_of(monkeypatch, tmp_path / "clipped", replace(ONE_EPOCH, clip_norm=limit))]
    assert clipped == pytest.approx([limit] * 3, rel=1e-3)
    assert max(free) > limit


def test_what_is_not_paid_for_is_not_counted_in_training(tmp_path: Path) -> None:
    train_ticks(tmp_path / "free")
    train_ticks(tmp_path / "paid", loss=LossConfig(spikes=0.1))
    assert not {"train_operations", "train_spikes"} & metrics(tmp_path / "free")[0].keys()
    assert metrics(tmp_path / "paid")[0]["train_spikes"] > 0


def test_the_last_weights_are_kept_where_asked_for(tmp_path: Path) -> None:
    optimizer = OptimizerConfig(max_epochs=4, batch_size=32, lr=0.5, patience=1, keep="last")
    summary = train_ticks(tmp_path / "run", optimizer=optimizer)
    losses = [row["validation_loss"] for row in metrics(tmp_path / "run")]
    # Patience is about the choice of an epoch, so it counts for nothing here.
    assert (summary.epochs, summary.best_epoch, len(losses)) == (4, 4, 4)
    assert int(np.argmin(losses)) != 3, "the last epoch is the best here: this test tests nothing"
    kept = train_ticks(tmp_path / "best", optimizer=replace(optimizer, keep="best", patience=4))
    assert kept.best_epoch == 1 + int(np.argmin(losses))
    assert kept.fingerprint != summary.fingerprint
    assert last_weights(tmp_path / "run").keys() == last_weights(tmp_path / "best").keys()
    for name, last in last_weights(tmp_path / "run").items():
        assert np.array_equal(last, last_weights(tmp_path / "best")[name])
