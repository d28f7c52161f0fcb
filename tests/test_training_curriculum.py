"""The chain: which stages, what each takes over, and that a stop anywhere changes nothing."""

from collections.abc import Iterator
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from chimes import CHIMES

from lapilli.netx_exports import LapilliError, load
from lapilli.training.data.catalogue import DATA_SETS
from lapilli.training.data.framing import Framing
from lapilli.training.exported.export import load_module
from lapilli.training.loop.classifier import Classifier
from lapilli.training.loop.fitting import TrainingInterruptedError
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.methods import DistillationConfig, TksConfig
from lapilli.training.networks.network import NetworkConfig
from lapilli.training.recipes import curriculum
from lapilli.training.recipes.curriculum import ChainConfig, Stage, stages, train_curriculum
from lapilli.training.recipes.surrogate_gradient import DataConfig, train
from lapilli.training.studies.collect import Row

CHAIN = ChainConfig(bins_ms=(2, 4), duration_ms=40, student_epochs=2, student_lr=0.5)
DATA = DataConfig("chimes")
# Dropout, so that the state of random generators matters; batches that do not divide the samples.
NETWORK = NetworkConfig(hidden=(10,), current_decay=0.5, dropout=0.2)
OPTIMIZER = OptimizerConfig(lr=0.02, batch_size=32, max_epochs=3)
FOLDERS = ["from-scratch-2ms", "kdcl-4ms", "inherited-4ms", "from-scratch-4ms"]


def run_chain(folder: Path, **options: Any) -> list[Row]:
    usual = {"chain": CHAIN, "data": DATA, "network": NETWORK, "optimizer": OPTIMIZER, "progress": False}
    return train_curriculum(folder, **{**usual, **options})


@pytest.fixture(autouse=True, scope="module")
def tiny_set() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATA_SETS, CHIMES.name, CHIMES)
        yield


@pytest.fixture(scope="module")
def finished(tiny_set: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """Folder and rows of a chain that nothing interrupted."""
    folder = tmp_path_factory.mktemp("chain")
    return folder, run_chain(folder)


def weights(folder: Path) -> dict[str, bytes]:
    """Of every stage, to the bit; and its network."""
    return {
        stage.name: (stage / "weights.safetensors").read_bytes() + load(stage / "model.net").fingerprint.encode()
        for stage in sorted(folder.iterdir())
    }


def without_times(rows: list[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name != "training_seconds"} for row in rows]


def test_each_stage_follows_the_one_taught_before_it() -> None:
    found = list(stages(ChainConfig(bins_ms=(10, 25, 50), duration_ms=1000)))
    assert found == [
        Stage("from scratch", 10, 100),
        Stage("kdcl", 25, 40, "from-scratch-10ms"),
        Stage("inherited", 25, 40, "from-scratch-10ms"),
        Stage("from scratch", 25, 40),
        Stage("kdcl", 50, 20, "kdcl-25ms"),
        Stage("inherited", 50, 20, "kdcl-25ms"),
        Stage("from scratch", 50, 20),
    ]
    assert len({stage.name for stage in found}) == len(found)


def test_controls_can_be_left_out() -> None:
    alone = ChainConfig(bins_ms=(10, 25), from_scratch=False, without_teacher=False)
    assert [stage.name for stage in stages(alone)] == ["from-scratch-10ms", "kdcl-25ms"]


@pytest.mark.parametrize("bins", [(), (10,), (10, 10), (25, 10), (0, 10), (-5, 10), (10, nan), (10, inf)], ids=str)
def test_bins_that_are_no_chain_are_refused_before_anything_is_written(bins: tuple[float, ...], tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"chain\.bins_ms(: need two or more bins, each wider|\[[01]\]: must be)"):
        run_chain(tmp_path / "chain", chain=ChainConfig(bins_ms=bins))
    assert not (tmp_path / "chain").exists()


@pytest.mark.parametrize("duration", [10, 0, -1000, nan, inf])
def test_a_duration_that_holds_no_bin_is_refused(duration: float) -> None:
    must = "hold a bin of 25 ms" if duration == 10 else "be (above 0|finite)"
    with pytest.raises(LapilliError, match=rf"chain\.duration_ms: must {must}, got {duration}"):
        ChainConfig(bins_ms=(10, 25), duration_ms=duration)


def test_the_table_has_a_row_for_each_stage(finished: tuple[Path, list[Row]]) -> None:
    folder, rows = finished
    assert sorted(path.name for path in folder.iterdir()) == sorted(FOLDERS)
    assert [(row["stage"], row["bin_ms"], row["frames"], row["steps"]) for row in rows] == [
        ("from scratch", 2, 20, 22),
        ("kdcl", 4, 10, 12),
        ("inherited", 4, 10, 12),
        ("from scratch", 4, 10, 12),
    ]
    for row, name in zip(rows, FOLDERS):
        assert str(row["fingerprint"]) == load(folder / name / "model.net").fingerprint[:16]
        assert (row["proven_samples"], row["proven_differences"]) == (50, 0)  # test and validation
        assert float(str(row["operations_per_sample"])) > 0
        assert float(str(row["uj_by_horowitz-45nm-int8"])) > 0
        assert set(row) == set(rows[0])


def test_controls_from_scratch_train_as_long_and_as_fast_as_the_first_stage(finished: tuple[Path, list[Row]]) -> None:
    folder, rows = finished
    assert [row["epochs"] for row in rows] == [3, 2, 2, 3]
    configs = [yaml.safe_load((folder / name / "config.yaml").read_text()) for name in FOLDERS]
    assert [config["optimizer"]["lr"] for config in configs] == [0.02, 0.01, 0.01, 0.02]
    assert [config["method"]["name"] for config in configs] == ["plain", "kdcl", "plain", "plain"]
    first = str(folder / FOLDERS[0])
    assert [config["start"] for config in configs] == [None, first, first, None]
    assert [config["teacher"] for config in configs] == [None, first, None, None]


def test_a_control_is_an_ordinary_run(finished: tuple[Path, list[Row]], tmp_path: Path) -> None:
    folder, _ = finished
    framing = DataConfig("chimes", Framing(n_steps=10, bin_ms=4))
    alone = train(tmp_path / "alone", data=framing, network=NETWORK, optimizer=OPTIMIZER, progress=False)
    assert alone.fingerprint == load(folder / "from-scratch-4ms" / "model.net").fingerprint


def test_what_the_teacher_says_counts_and_without_weight_it_does_not(
    finished: tuple[Path, list[Row]], tmp_path: Path
) -> None:
    folder, _ = finished
    assert weights(folder)["kdcl-4ms"] != weights(folder)["inherited-4ms"]
    run_chain(tmp_path, distillation=DistillationConfig(weight=0))
    assert weights(tmp_path)["kdcl-4ms"] == weights(tmp_path)["inherited-4ms"] == weights(folder)["inherited-4ms"]


def test_the_same_chain_twice_trains_nothing_anew(
    finished: tuple[Path, list[Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, rows = finished
    before = weights(folder)

    def trained(self: Classifier, batch: Any, batch_idx: int) -> torch.Tensor:
        raise AssertionError("a finished stage was trained")

    monkeypatch.setattr(Classifier, "training_step", trained)
    assert run_chain(folder) == rows
    assert weights(folder) == before


@pytest.mark.parametrize(("stage", "epoch", "batch"), [(0, 2, 1), (1, 0, 0), (1, 1, 1), (3, 1, 2)])
def test_a_stop_in_the_middle_of_a_stage_changes_nothing(
    stage: int,
    epoch: int,
    batch: int,
    finished: tuple[Path, list[Row]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, rows = finished
    step, seen = Classifier.training_step, []

    def stopped(self: Classifier, data: Any, batch_idx: int) -> torch.Tensor:
        if self not in seen:
            seen.append(self)
        if (len(seen) - 1, self.current_epoch, batch_idx) == (stage, epoch, batch):
            raise KeyboardInterrupt
        return step(self, data, batch_idx)

    monkeypatch.setattr(Classifier, "training_step", stopped)
    with pytest.raises(TrainingInterruptedError, match=f"stopped after epoch {epoch} of .*{FOLDERS[stage]}"):
        run_chain(tmp_path)
    assert len(list(tmp_path.iterdir())) == stage + 1
    monkeypatch.setattr(Classifier, "training_step", step)
    assert without_times(run_chain(tmp_path)) == without_times(rows)
    assert weights(tmp_path) == weights(folder)


@pytest.mark.parametrize("stage", [0, 1])
def test_a_stop_between_stages_changes_nothing(
    stage: int, finished: tuple[Path, list[Row]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, rows = finished
    measure = vars(curriculum)["row_of"]

    def stopped(run: Path, *rest: Any) -> Row:
        if run.name == FOLDERS[stage]:
            raise KeyboardInterrupt
        return measure(run, *rest)

    monkeypatch.setattr(curriculum, "row_of", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_chain(tmp_path)
    monkeypatch.setattr(curriculum, "row_of", measure)
    assert without_times(run_chain(tmp_path)) == without_times(rows)
    assert weights(tmp_path) == weights(folder)


def test_another_chain_in_the_same_folder_is_refused(finished: tuple[Path, list[Row]]) -> None:
    with pytest.raises(LapilliError, match=r"cannot resume .* optimizer\.lr is 0\.03 but was 0\.02"):
        run_chain(finished[0], optimizer=OptimizerConfig(lr=0.03, batch_size=32, max_epochs=3))


class Starts:
    """Notes with which weights each stage starts, and its teacher."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.states: list[dict[str, torch.Tensor]] = []
        self.classifiers: list[Any] = []
        start = Classifier.on_fit_start

        def noting(classifier: Classifier) -> None:
            start(classifier)
            self.states.append({name: tensor.clone() for name, tensor in classifier.network.state_dict().items()})
            self.classifiers.append(classifier)

        monkeypatch.setattr(Classifier, "on_fit_start", noting)


def test_students_start_with_all_weights_of_the_stage_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = Starts(monkeypatch)
    longer = ChainConfig(bins_ms=(2, 4, 8), duration_ms=40, student_epochs=1)
    run_chain(tmp_path, chain=longer, network=NetworkConfig(hidden=(10,), delays=3, learn_decays=True))
    trained = {stage.name: number for number, stage in enumerate(stages(longer))}
    for stage in stages(longer):
        state = starts.states[trained[stage.name]]
        if stage.before is None:
            assert all(torch.equal(state[name], tensor) for name, tensor in starts.states[0].items())
            continue
        before = load_module(tmp_path / stage.before).state_dict()
        assert state.keys() == before.keys()
        assert all(torch.equal(state[name], tensor) for name, tensor in before.items())


def test_rescaled_decays_and_delays_keep_their_milliseconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = Starts(monkeypatch)
    chain = ChainConfig((2, 8), 40, inherited="rescaled", from_scratch=False, without_teacher=False)
    network = NetworkConfig(hidden=(10,), current_decay=0.5, delays=8, learn_decays=True)
    run_chain(tmp_path, chain=chain, network=network)
    before = load_module(tmp_path / "from-scratch-2ms").state_dict()
    state, scaled = starts.states[1], set()
    assert state.keys() == before.keys()
    for name, tensor in before.items():
        expected = tensor
        if name.endswith("_decay"):
            lost = tensor.double() / 4096
            expected = 4096 * (1 - (1 - lost) ** 4)
        elif name.endswith("delay.delay"):
            expected = tensor.double() / 4
            assert expected.max() > 0.1
        torch.testing.assert_close(state[name].double(), expected.double(), rtol=1e-6, atol=1e-3, msg=name)
        if not torch.equal(expected.double(), tensor.double()):
            scaled.add(name.rsplit(".", 1)[1])
    assert scaled == {"current_decay", "voltage_decay", "delay"}


def test_teachers_are_frozen_and_see_every_step_of_theirs(
    finished: tuple[Path, list[Row]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = Starts(monkeypatch)
    run_chain(tmp_path)
    assert weights(tmp_path) == weights(finished[0])
    taught = [classifier for classifier in starts.classifiers if classifier._teaching is not None]
    assert taught == [starts.classifiers[1]]
    teaching = taught[0]._teaching
    before = load_module(tmp_path / FOLDERS[0]).state_dict()
    assert all(torch.equal(before[name], tensor) for name, tensor in teaching.module.state_dict().items())
    assert not teaching.module.training
    assert not any(parameter.requires_grad for parameter in teaching.module.parameters())
    assert (teaching.input.samples.n_steps, teaching.input.n_steps) == (20, 22)
    student = {id(parameter) for parameter in taught[0].network.parameters()}
    assert {id(parameter) for parameter in taught[0].parameters()} == student


def test_the_chain_goes_with_any_method(tmp_path: Path) -> None:
    alone = ChainConfig((2, 4), 40, from_scratch=False, without_teacher=False)
    run_chain(tmp_path, chain=alone, method=TksConfig(), loss=LossConfig(gain=1.0))
    methods = [yaml.safe_load((tmp_path / name / "config.yaml").read_text())["method"] for name in FOLDERS[:2]]
    assert [method["name"] for method in methods] == ["tks", "kdcl"]
    assert methods[1]["own"] == methods[0]
