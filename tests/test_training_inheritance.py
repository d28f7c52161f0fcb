"""Inherited weights and teachers: what a network takes over from a finished run, and what it must not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from timed_recordings import CLASSES, NAME, SAMPLES, TICKS, register
from training_runs import content, last_weights

from lapilli.netx_exports import LapilliError
from lapilli.training.data.augmentation import AugmentConfig
from lapilli.training.data.catalogue import DATA_SETS, prepared
from lapilli.training.data.digits import digits
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.sets import Facts
from lapilli.training.data.tasks import DataConfig, find_task
from lapilli.training.exported.export import load_module
from lapilli.training.loop import classifier
from lapilli.training.loop.batches import Batch
from lapilli.training.loop.classifier import Classifier
from lapilli.training.loop.inheritance import Inherited, inherit, teacher_of
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.loop.run_folder import RunFolder, read_weights
from lapilli.training.methods import DistillationConfig, KdclConfig, Method
from lapilli.training.networks.network import NetworkConfig, SlayerNetwork
from lapilli.training.networks.time import slayer_input
from lapilli.training.recipes import surrogate_gradient
from lapilli.training.recipes.surrogate_gradient import Summary, train

FINE = DataConfig(NAME, Framing(bin_ms=4.0), augment=AugmentConfig(shift_x=1))
COARSE = DataConfig(NAME, Framing(bin_ms=10.0), augment=AugmentConfig(shift_x=3, drop=0.2))
NETWORK = NetworkConfig(
    hidden=(8, 6), recurrent=True, delays=6, learn_decays=True, current_decay_range=(0.1, 0.4), dropout=0.1
)
OPTIMIZER = OptimizerConfig(max_epochs=2, batch_size=32, lr=0.01)


def train_ticks(run_dir: Path, data: DataConfig, **options: Any) -> Summary:
    defaults = {"network": NETWORK, "optimizer": OPTIMIZER, "progress": False}
    return train(run_dir, data=data, **{**defaults, **options})


@pytest.fixture(autouse=True)
def ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run on fine bins."""
    path = tmp_path_factory.mktemp("finished") / "fine"
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        train_ticks(path, FINE, loss=LossConfig(gain=2.5))
        yield path


def test_a_network_starts_from_the_weights_of_a_run(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = {}
    fit = vars(surrogate_gradient)["fit"]

    def heard(found: Classifier, *rest: Any, **more: Any) -> Any:
        begun.update({name: tensor.clone() for name, tensor in found.network.state_dict().items()})
        begun["fingerprint"] = found.network.export().fingerprint
        return fit(found, *rest, **more)

    monkeypatch.setattr(surrogate_gradient, "fit", heard)
    train_ticks(tmp_path / "run", COARSE, start=finished, seed=3)
    assert begun.pop("fingerprint") == load_module(finished).export().fingerprint
    before = read_weights(RunFolder(finished))[0]
    assert begun.keys() == before.keys()
    assert all(torch.equal(begun[name], before[name]) for name in before)
    # The run that was inherited from stays as it was, and training went on from there.
    after = read_weights(RunFolder(tmp_path / "run"))[0]
    assert not all(torch.equal(after[name], before[name]) for name in before)


def test_inheriting_does_not_depend_on_the_seed_of_the_new_run_alone(finished: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        train_ticks(tmp_path / name, COARSE, start=finished, inherited="rescaled")
    assert content(tmp_path / "first") == content(tmp_path / "second")


def inherited_by(finished: Path, inherited: Inherited) -> SlayerNetwork:
    torch.manual_seed(1)
    task = find_task(COARSE, progress=False)
    module = SlayerNetwork(NETWORK, task.shape, len(CLASSES), task.graded)
    inherit(module, finished, task, COARSE, inherited)
    return module


def test_rescaled_decays_and_delays_keep_their_milliseconds(finished: Path) -> None:
    before, after = dict(load_module(finished).named_parameters()), inherited_by(finished, "rescaled")
    kinds = {"decays": 0, "delays": 0, "weights": 0}
    for name, parameter in after.named_parameters():
        old, new = before[name].detach().double().numpy(), parameter.detach().double().numpy()
        if name.endswith("delay.delay"):
            kinds["delays"] += 1
            assert np.allclose(new, old / 2.5, rtol=1e-6)
        elif name.endswith(("current_decay", "voltage_decay")):
            kinds["decays"] += 1
            # Two and a half steps of 4 ms lose as much as one of 10 ms.
            assert np.allclose(1 - new / 4096, (1 - old / 4096) ** 2.5, rtol=1e-5, atol=1e-6)
        else:
            kinds["weights"] += 1
            assert np.array_equal(new, old)
    assert min(kinds.values()) >= 2
    after.export()


def test_as_it_is_changes_nothing(finished: Path) -> None:
    before, after = load_module(finished).state_dict(), inherited_by(finished, "as it is").state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_network_of_other_layers_is_refused(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=rf"^start: the network of {finished} has other layers \(") as caught:
        train_ticks(tmp_path / "run", COARSE, network=replace(NETWORK, hidden=(8, 7)), start=finished)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_steps_without_a_duration_cannot_be_rescaled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lapilli.training.data.tasks.digits", lambda part: digits(part).select(slice(0, 60)))
    train_ticks(tmp_path / "first", DataConfig())
    with pytest.raises(LapilliError, match="inherited: steps of data set digits have no duration"):
        train_ticks(tmp_path / "second", DataConfig(), start=tmp_path / "first", inherited="rescaled")


def test_a_teacher_sees_the_same_recordings_unchanged_in_its_own_bins(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Batch] = []
    step = Classifier.training_step

    def heard(self: Classifier, batch: Batch, batch_idx: int) -> torch.Tensor:
        seen.append(batch)
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Classifier, "training_step", heard)
    train_ticks(tmp_path / "run", COARSE, teacher=finished, method=KdclConfig())
    fine, coarse = (prepared(NAME, data.framing).part("train") for data in (FINE, COARSE))
    # 20 steps of 4 ms, and 2 × (1 + 6) + 1 until the last spike has been answered.
    whole = slayer_input(fine.events(), 20 + 15)
    plain = slayer_input(coarse.events(), 8 + 15)
    orders = []
    for first in (0, 3):
        order = []
        for batch in seen[first : first + 3]:
            assert batch.teacher_values is not None
            for values, label, length in zip(batch.teacher_values, batch.labels, batch.teacher_lengths):
                (match,) = [row for row in range(len(fine)) if torch.equal(whole[row], values)]
                assert (fine.labels[match], fine.lengths[match]) == (label, length)
                order.append(match)
            # The student's own input is augmented: never the recording as it is.
            assert not torch.equal(batch.values, plain[order[-len(batch.labels) :]])
            assert batch.lengths.tolist() == coarse.lengths[order[-len(batch.labels) :]].tolist()
        assert sorted(order) == list(range(len(fine)))
        orders.append(order)
    assert orders[0] != orders[1]


def test_a_teacher_is_frozen_and_not_saved(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (finished / "weights.safetensors").read_bytes()
    teachers = []
    learn_from = Classifier.learn_from

    def heard(self: Classifier, teaching: Any) -> None:
        teachers.append((teaching, {name: value.clone() for name, value in teaching.module.state_dict().items()}))
        learn_from(self, teaching)

    monkeypatch.setattr(Classifier, "learn_from", heard)
    train_ticks(tmp_path / "run", COARSE, teacher=finished, method=KdclConfig())
    ((teaching, weights),) = teachers
    assert not teaching.module.training
    assert teaching.gain == 2.5
    for name, value in teaching.module.state_dict().items():
        assert torch.equal(value, weights[name])
    for parameter in teaching.module.parameters():
        assert not parameter.requires_grad
        assert parameter.grad is None
    assert (finished / "weights.safetensors").read_bytes() == before
    network = SlayerNetwork(NETWORK, 12, 3, True)
    assert last_weights(tmp_path / "run").keys() == {f"network.{name}" for name in network.state_dict()}


def test_a_teacher_has_its_say(finished: Path, tmp_path: Path) -> None:
    found = []
    for number, weight in enumerate((0.0, 0.5)):
        method = KdclConfig(distillation=DistillationConfig(weight))
        train_ticks(tmp_path / str(number), COARSE, teacher=finished, method=method)
        found.append(content(tmp_path / str(number)))
    assert found[0]["last"] != found[1]["last"]
    train_ticks(tmp_path / "alone", COARSE, method=KdclConfig().own_method)
    # A teacher without weight changes nothing: it draws no random numbers either.
    assert content(tmp_path / "alone")["last"] == found[0]["last"]


@pytest.mark.parametrize("padding", ["counted", "masked"])
def test_the_steps_in_which_a_teacher_counts(
    padding: Any, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[torch.Tensor, dict[str, Any]]] = []
    method_loss = vars(classifier)["method_loss"]

    def heard(config: Method, logits: torch.Tensor, *rest: Any, **more: Any) -> torch.Tensor:
        asked.append((logits, more))
        return method_loss(config, logits, *rest, **more)

    monkeypatch.setattr(classifier, "method_loss", heard)
    train_ticks(tmp_path / "run", COARSE, teacher=finished, method=KdclConfig(), loss=LossConfig(padding=padding))
    for logits, more in asked:
        assert logits.shape[1:] == (3, 8 + 15 - 3)
        assert more["teacher_logits"].shape[1:] == (3, 20 + 15 - 3)
        assert not more["teacher_logits"].requires_grad
        assert (more["valid"] is None) == (more["teacher_valid"] is None) == (padding == "counted")
        if padding == "masked":
            # Both end in the bin in which the recording ends.
            ends = (more["valid"].sum(1) - 12) * 10 - (more["teacher_valid"].sum(1) - 12) * 4
            assert ends.min() > -4
            assert ends.max() < 10


def test_an_interrupted_student_is_resumed(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"start": finished, "teacher": finished, "method": KdclConfig()}
    train_ticks(tmp_path / "whole", COARSE, **options)
    step = Classifier.training_step

    def interrupted(self: Classifier, batch: Batch, batch_idx: int) -> torch.Tensor:
        if (self.current_epoch, batch_idx) == (1, 1):
            monkeypatch.setattr(Classifier, "training_step", step)
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Classifier, "training_step", interrupted)
    with pytest.raises(LapilliError, match="stopped after epoch 1 of 2"):
        train_ticks(tmp_path / "run", COARSE, **options)
    train_ticks(tmp_path / "run", COARSE, **options, resume=True)
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def test_a_teacher_of_other_classes(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(facts: Facts, split: Split) -> Any:
        return TICKS.divide(facts, split)[0], ("up", "down", "neither")

    monkeypatch.setitem(DATA_SETS, "other", replace(TICKS, name="other", divide=other))
    with pytest.raises(LapilliError, match=rf"^teacher: {finished} knows other classes or inputs than data set other$"):
        train_ticks(tmp_path / "run", replace(COARSE, name="other"), teacher=finished, method=KdclConfig())
    assert not (tmp_path / "run").exists()


def test_a_teacher_of_other_recordings(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fewer(facts: Facts, split: Split) -> Any:
        parts = TICKS.divide(facts, split)[0].copy()
        parts[: SAMPLES // 2] = -1
        return parts, CLASSES

    monkeypatch.setitem(DATA_SETS, "fewer", replace(TICKS, name="fewer", divide=fewer))
    expected = rf"^teacher: {finished} was trained on other recordings than those of data set fewer$"
    with pytest.raises(LapilliError, match=expected):
        train_ticks(tmp_path / "run", replace(COARSE, name="fewer"), teacher=finished, method=KdclConfig())


def test_a_teacher_that_may_know_what_is_held_out(finished: Path, tmp_path: Path) -> None:
    more = replace(COARSE, fit="train and validation")
    train_ticks(tmp_path / "more", more, optimizer=replace(OPTIMIZER, keep="last", max_epochs=1))
    expected = rf"^teacher: {finished} held other samples out of training \(data\.split, data\.fit\)$"
    with pytest.raises(LapilliError, match=expected):
        train_ticks(
            tmp_path / "run",
            replace(COARSE, split=Split(validation_groups=(0,))),
            teacher=finished,
            method=KdclConfig(),
        )
    with pytest.raises(LapilliError, match="held other samples out of training"):
        train_ticks(tmp_path / "run", COARSE, teacher=tmp_path / "more", method=KdclConfig())
    with pytest.raises(LapilliError, match=rf"^start: {tmp_path / 'more'} held other samples out of training"):
        train_ticks(tmp_path / "run", COARSE, start=tmp_path / "more")
    # A teacher that learned from less may see more.
    task = find_task(more, progress=False)
    assert len(teacher_of(finished, task, more).input.samples) == len(task.train) == 120


def test_an_unfinished_run_teaches_nobody(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"nowhere is not a run folder: it has no config\.yaml"):
        train_ticks(tmp_path / "run", COARSE, teacher=tmp_path / "nowhere", method=KdclConfig())
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "config.yaml").write_bytes((finished / "config.yaml").read_bytes())
    for options in ({"teacher": tmp_path / "half", "method": KdclConfig()}, {"start": tmp_path / "half"}):
        with pytest.raises(
            LapilliError, match=r"half is not finished: it has no weights\.safetensors; resume it first"
        ):
            train_ticks(tmp_path / "run", COARSE, **options)
    assert not (tmp_path / "run").exists()


def test_teacher_and_method_belong_together(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"^teacher: method kdcl needs the folder of a finished run$"):
        train_ticks(tmp_path / "run", COARSE, method=KdclConfig())
    with pytest.raises(LapilliError, match=r"^teacher: method plain learns from none; choose kdcl$"):
        train_ticks(tmp_path / "run", COARSE, teacher=finished)
