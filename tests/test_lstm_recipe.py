"""From a source to a tuned spiking LSTM: the stages, what each takes over, and that a stop changes nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from chimes import CHIMES

from lapilli.netx_exports import LapilliError, load
from lapilli.simulators.configurations import configured
from lapilli.training.data.catalogue import DATA_SETS
from lapilli.training.data.framing import Framing
from lapilli.training.data.tasks import DataConfig
from lapilli.training.exported.export import load_module
from lapilli.training.loop.classifier import Classifier
from lapilli.training.loop.fitting import TrainingInterruptedError
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.networks.lstm.config import ConversionConfig, LstmConfig
from lapilli.training.recipes.lstm import Options, train_lstm
from lapilli.training.studies.collect import Row

OPTIMIZER = OptimizerConfig(lr=0.02, batch_size=32, max_epochs=2, clip_norm=1.0)
OPTIONS: dict[str, Any] = {
    "data": DataConfig("chimes", Framing(n_steps=10, bin_ms=4)),
    "network": LstmConfig(hidden=(8,), read="every", unit=2, dropout=0.1),
    "source_optimizer": OPTIMIZER,
    "optimizer": OPTIMIZER,
    "conversion": ConversionConfig(copies=2, shift="calibrated"),
    "also_copies": (1,),
    "standard": True,
    "progress": False,
}
FOLDERS = ["standard", "source", "converted-1", "converted-2", "tuned-2"]


@pytest.fixture(autouse=True, scope="module")
def tiny_set() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATA_SETS, CHIMES.name, CHIMES)
        yield


@pytest.fixture(scope="module")
def finished(tiny_set: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """Folder and rows of stages that nothing interrupted."""
    folder = tmp_path_factory.mktemp("lstm")
    return folder, train_lstm(folder, **OPTIONS)


def weights(folder: Path) -> dict[str, bytes]:
    return {stage.name: (stage / "weights.safetensors").read_bytes() for stage in sorted(folder.iterdir())}


def without_times(rows: list[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name != "training_seconds"} for row in rows]


def test_every_stage_has_a_row_and_a_folder(finished: tuple[Path, list[Row]]) -> None:
    folder, rows = finished
    assert sorted(weights(folder)) == sorted(FOLDERS)
    assert [(row["stage"], row["copies"]) for row in rows] == [
        ("standard LSTM", ""),
        ("LSTM, hard", ""),
        ("converted", 1),
        ("converted", 2),
        ("tuned", 2),
    ]
    for row in rows[2:]:
        assert row["proven_differences"] == 0
        assert 0 < float(str(row["spike_rate"])) < 1
        assert float(str(row["operations_per_sample"])) > 0


def test_tuning_begins_with_the_converted_weights_and_changes_all_of_them(finished: tuple[Path, list[Row]]) -> None:
    folder, _ = finished
    before, after = (load_module(folder / name).state_dict() for name in ("converted-2", "tuned-2"))
    source = dict(load_source(folder / "source"))
    assert torch.equal(before["layers.0.weight"], source["layers.0.weight"])
    assert all(not torch.equal(values, after[name]) for name, values in before.items())
    assert all(float((values - after[name]).abs().max()) < 0.5 for name, values in before.items())


def load_source(folder: Path) -> dict[str, torch.Tensor]:
    from lapilli.training.loop.run_folder import RunFolder, read_weights

    return read_weights(RunFolder(folder))[0]


def test_a_tuned_stage_is_exported_as_every_run(finished: tuple[Path, list[Row]]) -> None:
    folder, rows = finished
    assert load(folder / "tuned-2" / "model.net").fingerprint[:16] == rows[-1]["fingerprint"]
    assert load_module(folder / "tuned-2").export().fingerprint[:16] == rows[-1]["fingerprint"]


@pytest.mark.parametrize(("stage", "epoch", "batch"), [(1, 1, 1), (2, 1, 0)])
def test_a_stop_in_a_stage_changes_nothing(
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
    with pytest.raises(TrainingInterruptedError, match=f"stopped after epoch {epoch} of 2"):
        train_lstm(tmp_path, **OPTIONS)
    monkeypatch.setattr(Classifier, "training_step", step)
    again = train_lstm(tmp_path, **OPTIONS)
    assert without_times(again) == without_times(rows)
    assert weights(tmp_path) == weights(folder)


def test_other_subsets_end_in_floating_point(tmp_path: Path) -> None:
    conversion = ConversionConfig(copies=2, spiking=("o", "t"))
    optimizer = OptimizerConfig(lr=0.02, batch_size=32, max_epochs=1)
    rows = train_lstm(
        tmp_path, **{**OPTIONS, "conversion": conversion, "optimizer": optimizer, "standard": False, "also_copies": ()}
    )
    assert [row["stage"] for row in rows] == ["LSTM, hard", "converted", "tuned"]
    assert [row["proven_differences"] for row in rows] == [""] * 3
    assert not (tmp_path / "tuned-2" / "model.net").exists()


def test_a_price_of_spikes_is_that_of_tuning(finished: tuple[Path, list[Row]], tmp_path: Path) -> None:
    folder, rows = finished
    loss = LossConfig(gain=1.0, spikes=100.0)
    cheaper = train_lstm(tmp_path, **{**OPTIONS, "loss": loss, "standard": False, "also_copies": ()})
    assert weights(tmp_path)["source"] == weights(folder)["source"]
    assert float(str(cheaper[-1]["spike_rate"])) < float(str(rows[-1]["spike_rate"]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"network": {"activations": "standard"}}, "network.activations: a source has clipped ones"),
        ({"data": {"drain": 3}}, "data.drain: an LSTM runs until its last element is answered"),
        ({"also_copies": [64]}, "also_copies: there are 1…63 SNN steps, got 64"),
        ({"conversion": {"copies": 64}}, "conversion.copies: must be 1…63, got 64"),
        ({"conversion": {"kept": 0}}, "conversion.kept: must be above 0 and at most 1, got 0"),
        ({"conversion": {"spiking": ["x"]}}, "conversion.spiking"),
        ({"network": {"hidden": []}}, "network.hidden: must name at least one layer"),
    ],
)
def test_wrong_options_are_named(content: dict[str, Any], words: str) -> None:
    with pytest.raises(LapilliError) as caught:
        configured(Options, content)
    assert words in str(caught.value)
