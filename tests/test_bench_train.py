"""`lapilli bench train` at small size: who is compared, what is refused, what a row says."""

import csv
from pathlib import Path

import pytest
import torch

from lapilli import cli
from lapilli.netx_exports import LapilliError
from lapilli.simulators.bench import Watch
from lapilli.training.bench import PARTS, TrainSizes, bench_train_part, parts
from lapilli.training.bench.contestants import NAMES, installed, step_of
from lapilli.training.bench.memory import peak_mebibytes
from lapilli.training.bench.tasks import Task, gradients_of
from lapilli.training.networks.slayer import slayer

dynamics_names = {"fused": "lapilli", "slayer": "SLAYER"}
SMALL = TrainSizes(steps=(8, 16), densities=(0.02, 0.3), threads=(1,), batch=3, conv_batch=2, repeats=1)


@pytest.mark.parametrize("kind", ["dense", "recurrent", "conv"])
def test_ours_is_compared_with_slayer_before_it_is_timed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task(kind, 2, 12, 0.1)
    assert parts.compare(task).startswith("lapilli's voltages = SLAYER's")

    def wrong(task: Task, dynamics: str, device: str = "cpu") -> dict[str, object]:
        found = gradients_of(task, dynamics, device)  # type: ignore[arg-type]
        return found | {"voltages": found["voltages"] + (1e-3 if dynamics == "fused" else 0)}

    monkeypatch.setattr(parts, "gradients_of", wrong)
    with pytest.raises(LapilliError, match="voltages of lapilli and SLAYER differ"):
        parts.compare(task)


def test_a_gradient_that_differs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(task: Task, dynamics: str, device: str = "cpu") -> dict[str, object]:
        found = gradients_of(task, dynamics, device)  # type: ignore[arg-type]
        scale = 1.0001 if dynamics == "fused" else 1.0
        return {name: part * scale if "weight" in name else part for name, part in found.items()}

    monkeypatch.setattr(parts, "gradients_of", wrong)
    with pytest.raises(LapilliError, match=r"gradients of lapilli and SLAYER differ by 1\.0e-04"):
        parts.compare(Task("dense", 2, 12, 0.1))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["dense", "recurrent", "conv"])
def test_a_step_of_every_contestant_has_a_loss_and_repeats_it(name: str, kind: str) -> None:
    if name not in installed():
        pytest.skip(f"{name} is not installed")
    step = step_of(name, Task(kind, 2, 6, 0.2))
    first = step()
    assert 0 < first < float("inf")
    assert step() == first


def test_rows_of_a_part() -> None:
    rows = bench_train_part("dense", SMALL, Watch())
    assert [row.what for row in rows if row.what.startswith("lapilli")] == [
        "lapilli, 8 steps, 2% input",
        "lapilli, 8 steps, 30% input",
        "lapilli, 16 steps, 2% input",
    ]
    slayer = next(row for row in rows if row.what.startswith("SLAYER"))
    assert slayer.ratio == slayer.median / rows[0].median
    # A bar is for its own size only.
    assert all(row.met == "" for row in rows)
    assert rows[-1].what == "growth from 8 steps, over that of the steps"
    assert rows[-1].ratio is not None


LONG = Task("dense", 64, 1000, 0.02)


@pytest.fixture(scope="module")
def peak_of_long() -> float:
    return peak_mebibytes("lapilli", LONG)


@pytest.mark.slow
def test_peak_memory_counts_what_a_step_takes(peak_of_long: float) -> None:
    small = peak_mebibytes("lapilli", Task("dense", 64, 20, 0.02))
    # Output, its gradient and voltages of the hidden layer alone.
    assert peak_of_long - small > 2 * 4 * 256 * 64 * 980 / 2**20


@pytest.mark.slow
def test_checkpoints_take_less_memory(peak_of_long: float) -> None:
    # Voltages are three bytes, less the states at the borders; half of it, because peaks are not exact.
    assert peak_of_long - peak_mebibytes("lapilli", LONG, 50) > 3 * 256 * 64 * 1000 / 2**20 / 2


def test_rows_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = {("SLAYER", 0): 80.0, ("lapilli", 0): 30.0, ("lapilli", parts.CHECKPOINT_STEPS): 20.0}
    monkeypatch.setattr(parts, "installed", lambda: ["lapilli", "SLAYER"])
    monkeypatch.setattr(parts, "peak_mebibytes", lambda name, task, steps=0: peaks[name, steps])
    rows = bench_train_part("memory", TrainSizes(steps=(1000,)), Watch())[:3]
    assert [(row.what, row.values, row.ratio, row.met) for row in rows] == [
        ("lapilli, 1000 steps", (30.0,), 0.375, "yes"),
        ("SLAYER, 1000 steps", (80.0,), None, ""),
        ("lapilli, states kept every 100 steps, 1000 steps", (20.0,), 0.25, "yes"),
    ]


def test_slow_contestants_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "SLOW_S", 0.0)
    monkeypatch.setattr(parts, "installed", lambda: ["lapilli", "SLAYER"])
    rows = bench_train_part("dense", TrainSizes((6,), (0.1,), (1,), 2, 2, 3), Watch())
    assert [(len(row.values), row.remark[:13]) for row in rows] == [(1, "run once only")] * 2


def test_the_command_writes_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rows.csv"
    options = ["--steps", "[6]", "--densities", "[0.1]", "--threads", "[1]", "--batch", "2", "--repeats", "1"]
    assert cli.main(["bench", "train", "--parts", "recurrent", *options, "--out", str(out)]) == 0
    assert "700-256r-20" in capsys.readouterr().out
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["what"].split(",")[0] for row in rows] == installed()
    assert rows[0]["commit"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--parts", "quick"], f"parts: must be one of {', '.join(PARTS)}, got 'quick'"),
        (["--steps", "[0]"], "must be positive"),
        (["--steps", "[]"], "must be positive"),
        (["--densities", "[1.5]"], "densities must be in 0…1"),
    ],
)
def test_wrong_options_are_one_sentence(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "train", *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_its_part_is_skipped_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "train", "--parts", "gpu", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == "[]"
    assert "gpu: skipped, there is no CUDA device here" in captured.err


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_on_a_gpu_ours_is_compared_before_it_is_timed() -> None:
    sizes = TrainSizes(steps=(12,), conv_batch=2, gpu_batch=4, repeats=1)
    rows = bench_train_part("gpu", sizes, Watch())
    assert [row.compared[:9] for row in rows if row.what.startswith("lapilli")] == ["lapilli's"] * 3


def test_the_part_of_a_gpu_times_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the CPU in its place."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(slayer.jitconfig, "TORCH_CUDA_ARCH_LIST", None)
    monkeypatch.setattr(parts, "gradients_of", lambda task, dynamics, device="cpu": gradients_of(task, dynamics))
    monkeypatch.setattr(parts, "slayer_step", lambda task, dynamics, device: step_of(dynamics_names[dynamics], task))
    rows = bench_train_part("gpu", TrainSizes(steps=(6,), gpu_batch=3, repeats=1), Watch())
    assert [row.what for row in rows] == ["lapilli, a GPU", "SLAYER's CUDA extension, a GPU"] * 3
    assert rows[1].ratio == rows[1].median / rows[0].median
    assert slayer.jitconfig.TORCH_CUDA_ARCH_LIST == "9.0"

    def without_nvcc(task: Task, dynamics: str, device: str) -> object:
        if dynamics == "slayer":
            raise OSError("CUDA_HOME environment variable is not set.\nMore")
        return step_of("lapilli", task)

    monkeypatch.setattr(parts, "slayer_step", without_nvcc)
    rows = bench_train_part("gpu", TrainSizes(steps=(6,), gpu_batch=3, repeats=1), Watch())
    assert [row.remark for row in rows] == ["SLAYER's CUDA extension: CUDA_HOME environment variable is not set."] * 3


def test_threads_are_as_before() -> None:
    before = torch.get_num_threads()
    bench_train_part("dense", TrainSizes((4,), (0.02,), (1, 2), 2, 2, repeats=1), Watch())
    assert torch.get_num_threads() == before
