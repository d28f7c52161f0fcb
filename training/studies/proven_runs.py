"""A training for several seeds, each proven and measured after export, as rows of a table."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lapilli.netx_exports import load
from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.files import PathLike
from lapilli.simulators.prove import Proof, prove
from lapilli.training.data.samples import Samples
from lapilli.training.data.tasks import DataConfig, find_task, joined
from lapilli.training.exported.backends import prove_module
from lapilli.training.exported.export import load_module
from lapilli.training.loop.run_folder import RunFolder
from lapilli.training.recipes.surrogate_gradient import Options, Summary, train
from lapilli.training.studies.collect import Case, Row, collect
from lapilli.training.studies.energy import estimated_energy

PROVEN_SAMPLES = 200
"""Samples on which module, reference and fast are compared: of the test part, then of the validation part."""

LAVA_SAMPLES = 20
"""Test samples that Lava runs too; it takes seconds for each."""

LAVA_LIMIT_S = 1800.0


def study(
    out: PathLike,
    run_dir: Path,
    name: str,
    seeds: Sequence[int],
    command: str,
    options: Options,
    lava_samples: int = LAVA_SAMPLES,
    progress: bool = True,
) -> list[Row]:
    """Train once for each seed, prove and measure what was exported, and write a row after every run.

    What was stopped goes on where it was: finished rows are kept, a training goes on after its last epoch.

    Arguments:
        out: CSV to write; rows of this commit that it holds already are kept.
        run_dir: folder of the runs, one for each seed in it.
        name: of this configuration, which tells its rows from others of the table.
        seeds: of initial weights, order, augmentation and dropout; the split of the data stays the same.
        command: that makes the table.
        options: of every training, but for its seed.
        lava_samples: test samples that are run on Lava too; 0: none.
        progress: whether to show progress bars.

    Returns:
        The rows.

    Raises:
        LapilliError: as `train`; when a backend differs from another.
    """

    def measured(case: Case) -> list[Row]:
        folder = Path(run_dir) / f"seed-{case.seed}"
        summary = resumed(folder, replace(options, seed=case.seed), progress)
        return [described(options) | row_of(folder, summary, options.data, lava_samples)]

    cases = [Case(seed, command, {"configuration": name}) for seed in seeds]
    return collect(out, cases, measured)


def resumed(folder: Path, options: Options, progress: bool = True) -> Summary:
    """Train, or go on with a training that was stopped."""
    return train(folder, options, resume=RunFolder(folder).config.exists(), progress=progress)


def described(options: Options) -> Row:
    """What a table says of a configuration."""
    data, method = options.data, options.chosen_method
    framing = data.framing
    return {"data": data.name, "bin_ms": framing.bin_ms or "", "frames": framing.n_steps or "", "method": method.name}


def row_of(folder: Path, summary: Summary, data: DataConfig, lava_samples: int = LAVA_SAMPLES) -> Row:
    """What was measured of a finished run, and what was proven of its exported network."""
    task = find_task(data, progress=True)
    test = task.test
    proofs = prove_run(folder, joined(test, task.validation), summary.n_steps, lava_samples)
    return {
        "validation_accuracy": round(summary.validation_accuracy, 6),
        "test_accuracy": round(summary.test_accuracy, 6),
        "unrounded_test_accuracy": _rounded(summary.unrounded_test_accuracy),
        "best_test_epoch_accuracy": _rounded(summary.best_test_epoch_accuracy),
        "operations_per_sample": round(summary.operations, 1),
        "spikes_per_sample": round(summary.spikes, 1),
        **estimated_energy(load(RunFolder(folder).network), test.subset(slice(PROVEN_SAMPLES)), summary.n_steps),
        "steps": summary.n_steps,
        "epochs": summary.epochs,
        "best_epoch": summary.best_epoch,
        "training_seconds": round(summary.seconds),
        **proofs,
        "fingerprint": summary.fingerprint[:16],
    }


def prove_run(
    folder: Path, samples: Samples, n_steps: int, lava_samples: int, proven_samples: int = PROVEN_SAMPLES
) -> Row:
    """Compare the trained module and `fast`, the reference and `fast` and, on fewer samples, Lava and `fast`.

    Arguments:
        folder: of a finished run.
        samples: of which the first `proven_samples` are compared; those of the test part, and then of the validation
            part, because some test parts have less.
        n_steps: how long a sample runs.
        lava_samples: how many of them run on Lava too; 0: none.
        proven_samples: how many the module, the reference and `fast` run.

    Returns:
        Columns of a table: samples, differences, and compared spikes and states, of each of the three comparisons. Of a
        module that computes the steps of the sample alone ("module_…"), spikes in these steps and the readout.

    Raises:
        LapilliError: where anything differs.
    """
    network, module = load(RunFolder(folder).network), load_module(folder)
    several, few = samples.select(slice(0, proven_samples)), samples.select(slice(0, lava_samples))
    proofs = {
        "module": prove_module(module, network, several, n_steps, ("fast",)),
        "proven": prove(network, several, ("reference", "fast"), n_steps=n_steps),
    }
    if lava_samples:
        proofs["lava"] = prove(network, few, ("fast", "lava"), n_steps=n_steps, time_limit_s=LAVA_LIMIT_S)
    found: Row = {}
    for name, proof in proofs.items():
        _check(proof, folder)
        found |= {f"{name}_samples": proof.n_samples, f"{name}_differences": proof.n_differences}
        found |= {f"{name}_spikes": proof.spikes_compared, f"{name}_states": proof.states_compared}
    return found


def _check(proof: Proof, folder: Path) -> None:
    if proof.n_differences:
        raise LapilliError(f"{folder}: {'; '.join(map(str, proof.first.values()))}")
    if proof.skipped:
        raise LapilliError(f"{folder}: {'; '.join(proof.skipped.values())}")


def _rounded(value: float | None) -> object:
    return "" if value is None else round(value, 6)
