"""Export of a run: the same network again, and clear errors where there is none."""

import math
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lapilli.netx_exports import FormatError, LapilliError, Readout, load
from lapilli.simulators.configurations import read_section
from lapilli.training.data import tasks
from lapilli.training.data.digits import Part, digits
from lapilli.training.exported.export import export_run, load_module
from lapilli.training.loop.run_folder import RunFolder, read_weights, write_weights
from lapilli.training.networks.network import NetworkConfig, SlayerNetwork
from lapilli.training.recipes.surrogate_gradient import OptimizerConfig, train


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def few_digits(part: Part) -> object:
        return digits(part).select(slice(0, 60))

    monkeypatch.setattr(tasks, "digits", few_digits)
    path = tmp_path / "run"
    network = NetworkConfig(hidden=(7, 5), recurrent=True)
    train(path, network=network, optimizer=OptimizerConfig(max_epochs=1), progress=False)
    return path


def test_the_exported_network_is_that_of_the_run(run_dir: Path, tmp_path: Path) -> None:
    network = export_run(run_dir, tmp_path / "out.net")
    assert network == load(tmp_path / "out.net") == load(run_dir / "model.net")
    assert network.readout == load(tmp_path / "out.net").readout == Readout("voltage_sum")
    assert not load_module(run_dir).training


def test_an_unfinished_run(run_dir: Path, tmp_path: Path) -> None:
    (run_dir / "weights.safetensors").unlink()
    with pytest.raises(LapilliError, match=r"is not finished: it has no weights\.safetensors; resume it first"):
        export_run(run_dir, tmp_path / "out.net")


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match="is not a run folder"):
        export_run(tmp_path, tmp_path / "out.net")


def test_weights_of_another_network(run_dir: Path, tmp_path: Path) -> None:
    config = yaml.safe_load((run_dir / "config.yaml").read_text())
    config["network"]["hidden"] = [7, 6]
    (run_dir / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(
        FormatError, match=r"weights\.safetensors: does not fit config\.yaml \(.*size mismatch"
    ) as caught:
        export_run(run_dir, tmp_path / "out.net")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_no_numbers(value: float, run_dir: Path, tmp_path: Path) -> None:
    weights, facts = read_weights(RunFolder(run_dir))
    name = next(name for name in weights if name.startswith("blocks.1"))
    weights[name].view(-1)[0] = value
    write_weights(RunFolder(run_dir), weights, facts)
    with pytest.raises(FormatError, match=rf"weights\.safetensors: {re.escape(name)} must hold finite numbers$"):
        export_run(run_dir, tmp_path / "out.net")
    assert not (tmp_path / "out.net").exists()


@pytest.mark.parametrize("facts", [{}, {"n_inputs": 64}, {"n_inputs": None, "n_classes": 10}])
def test_weights_without_their_facts(facts: dict[str, int], run_dir: Path, tmp_path: Path) -> None:
    write_weights(RunFolder(run_dir), read_weights(RunFolder(run_dir))[0], facts)
    with pytest.raises(FormatError, match=r"weights\.safetensors: does not fit config\.yaml"):
        export_run(run_dir, tmp_path / "out.net")


def network_of(content: dict[str, Any]) -> NetworkConfig:
    return read_section(content, "network", NetworkConfig, "config.yaml")


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        (None, "network: section missing"),
        ({"hiden": [3]}, r"network has no option hiden; did you mean hidden\?"),
        ({"hidden": ["a"]}, r"network\.hidden\[0\]: must be a whole number, got 'a'"),
        ({"threshold": "high"}, "network.threshold: must be a number, got 'high'"),
        (
            {"readout": "softmax"},
            "network.readout: must be one of voltage_sum, .*, got 'softmax'",
        ),
    ],
)
def test_a_damaged_network_section(section: object, problem: str) -> None:
    with pytest.raises(FormatError, match=rf"config\.yaml: .*{problem}") as caught:
        network_of({"network": section})
    assert "\n" not in str(caught.value)


def test_a_network_section_keeps_what_it_does_not_say() -> None:
    assert network_of({"network": {"hidden": [3, 4], "dropout": 0.5}}) == NetworkConfig(hidden=(3, 4), dropout=0.5)


def test_a_network_section_of_every_option_is_read_as_it_was_written() -> None:
    config = NetworkConfig(
        hidden=(3, 4),
        recurrent=True,
        through_state=True,
        current_decay_range=(0.1, 0.5),
        learn_decays=True,
        delays=7,
        initial_delays=(0, 3.5),
        readout="softmax_sum",
        weight_norm=True,
    )
    assert network_of(yaml.safe_load(yaml.safe_dump({"network": asdict(config)}))) == config


def test_values_out_of_range_in_the_section_are_refused(run_dir: Path, tmp_path: Path) -> None:
    config = yaml.safe_load((run_dir / "config.yaml").read_text())
    config["network"]["dropout"] = 7.0
    (run_dir / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(LapilliError, match=r"dropout: must be at least 0 and below 1, got 7.0"):
        export_run(run_dir, tmp_path / "out.net")


def test_an_unwritable_place(run_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"cannot write .*nowhere"):
        export_run(run_dir, tmp_path / "nowhere" / "out.net")


def test_a_module_that_ran_exports_as_one_that_did_not() -> None:
    torch.manual_seed(0)
    module = SlayerNetwork(NetworkConfig(hidden=(5,)), 4, 3)
    before = module.export()
    module(torch.ones(2, 4, 9))
    assert module.export() == before
