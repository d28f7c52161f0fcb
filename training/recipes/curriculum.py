"""Recipe: KDCL, a chain of the same network at wider and wider time bins, each stage taught by the one before.

Source: SpikeSCR with KDCL (arXiv 2412.12858), section 4 of the notes: the first stage is trained from scratch at the
narrowest bins; every further one inherits all weights of the stage before and learns from its scores on the same
recordings. Beside the chain stand the controls: the same network from scratch at each bin width, and with inherited
weights but without a teacher.

    from lapilli.training.recipes.curriculum import curriculum

Every stage is a run of `recipes.surrogate_gradient` in a folder of its own. A chain that was stopped anywhere goes on
there, and ends with the same weights as one that was not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.tasks import DataConfig
from lapilli.training.loop.inheritance import Inherited
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.methods import DistillationConfig, KdclConfig, OwnConfig
from lapilli.training.networks.network import DEFAULT_NETWORK, NetworkConfig
from lapilli.training.recipes.surrogate_gradient import DEFAULT_METHOD
from lapilli.training.studies.collect import Row
from lapilli.training.studies.proven_runs import resumed, row_of


@dataclass(frozen=True)
class ChainConfig:
    """The bins of a chain, and what stands beside it."""

    bins_ms: tuple[float, ...] = (10.0, 25.0)
    """Width of a time bin in each stage, from the narrowest."""

    duration_ms: float = 1000.0
    """Length of a sample: a stage has as many steps as its bins fit into that."""

    inherited: Inherited = "as it is"
    """Whether a stage inherits decays and delays in steps, as published, or in milliseconds ("rescaled")."""

    student_lr: float = 1.0
    """Learning rate of later stages, over that of the first."""

    student_epochs: int | None = None
    """Epochs of later stages; null: as many as the first."""

    from_scratch: bool = True
    """Control: the same network trained from scratch at each further bin width, as long as a first stage."""

    without_teacher: bool = True
    """Control: inherited weights, but no teacher."""

    @property
    def frames(self) -> tuple[int, ...]:
        """Steps of a sample in each stage."""
        return tuple(round(self.duration_ms / width) for width in self.bins_ms)


Kind = Literal["from scratch", "inherited", "kdcl"]


@dataclass(frozen=True)
class Stage:
    """One training of a chain or of its controls.

    Arguments:
        kind: "from scratch"; "inherited": with the weights of the stage before, but no teacher; "kdcl": with both.
        width_ms: of its bins.
        frames: steps of a sample.
        before: name of the stage that it follows; None: none.
    """

    kind: Kind
    width_ms: float
    frames: int
    before: str | None = None

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.kind.replace(' ', '-')}-{self.width_ms:g}ms"


def stages(chain: ChainConfig) -> Iterator[Stage]:
    """All trainings, each after those that it follows.

    Raises:
        LapilliError: for fewer than two bins, bins that do not become wider, or a duration that holds none.
    """
    widths = chain.bins_ms
    if len(widths) < 2 or not all(map(isfinite, widths)) or list(widths) != sorted(set(widths)) or widths[0] <= 0:
        raise LapilliError(f"chain.bins_ms: need two or more bins, each wider than the one before, got {list(widths)}")
    if not isfinite(chain.duration_ms) or min(chain.frames) < 1:
        raise LapilliError(f"chain.duration_ms: must hold a bin of {widths[-1]:g} ms, got {chain.duration_ms:g}")
    first = Stage("from scratch", widths[0], chain.frames[0])
    yield first
    before = first.name
    for width, frames in zip(widths[1:], chain.frames[1:]):
        taught = Stage("kdcl", width, frames, before)
        yield taught
        if chain.without_teacher:
            yield Stage("inherited", width, frames, before)
        if chain.from_scratch:
            yield Stage("from scratch", width, frames)
        before = taught.name


def train_curriculum(
    run_dir: Path,
    chain: ChainConfig = ChainConfig(),
    data: DataConfig = DataConfig(),
    network: NetworkConfig = DEFAULT_NETWORK,
    optimizer: OptimizerConfig = OptimizerConfig(),
    loss: LossConfig = LossConfig(),
    method: OwnConfig | None = None,
    distillation: DistillationConfig = DistillationConfig(),
    watch_test: bool = False,
    seed: int = 0,
    threads: int = 1,
    accelerator: Literal["cpu", "gpu", "auto"] = "auto",
    lava_samples: int = 0,
    progress: bool = True,
) -> list[Row]:
    """Train the whole chain and its controls; what was stopped goes on where it was when called again.

    Arguments:
        run_dir: folder of the stages, each a run of its own.
        chain: bins and controls.
        data: what to train on; its bins and steps are those of each stage, its drain is that of the first one and lasts
            as long in the others.
        network: what to train.
        optimizer: how the first stage trains, and the controls from scratch.
        loss: from scores to logits, and what operations and spikes cost.
        method: the networks' own loss, with or without a teacher; none: cross-entropy of the mean, 0.1 smoothed.
        distillation: what a teacher adds.
        watch_test: as in `train`, for every stage.
        seed: of initial weights, order, augmentation and dropout of every stage.
        threads: of torch.
        accelerator: where to train; "auto" takes a GPU if there is one.
        lava_samples: test samples on which each network is proven on Lava too.
        progress: whether to show progress bars.

    Returns:
        A row for each stage: steps, accuracy, operations, estimate of energy, what was proven.

    Raises:
        LapilliError: as `train`; for bins that are no chain.
    """
    common = {"network": network, "loss": loss, "seed": seed, "threads": threads, "accelerator": accelerator}
    common["watch_test"] = watch_test
    rows: list[Row] = []
    for stage in list(stages(chain)):
        framing = replace(data.framing, bin_ms=stage.width_ms, n_steps=stage.frames)
        drain = None if data.drain is None else round(data.drain * chain.bins_ms[0] / stage.width_ms)
        of_stage = replace(data, framing=framing, drain=drain)
        options: dict[str, Any] = {**common, "data": of_stage, "optimizer": optimizer, "method": method}
        if stage.before is not None:
            options |= _following(stage, Path(run_dir), chain, optimizer, method, distillation)
        folder = Path(run_dir) / stage.name
        summary = resumed(folder, progress=progress, **options)
        measured = row_of(folder, summary, of_stage, lava_samples)
        rows.append({"stage": stage.kind, "bin_ms": stage.width_ms, "frames": stage.frames, **measured})
    return rows


def _following(
    stage: Stage,
    run_dir: Path,
    chain: ChainConfig,
    optimizer: OptimizerConfig,
    method: OwnConfig | None,
    distillation: DistillationConfig,
) -> dict[str, Any]:
    """Options of a stage that follows another."""
    before = run_dir / str(stage.before)
    epochs = chain.student_epochs or optimizer.max_epochs
    options: dict[str, Any] = {
        "start": before,
        "inherited": chain.inherited,
        "optimizer": replace(optimizer, lr=optimizer.lr * chain.student_lr, max_epochs=epochs),
    }
    if stage.kind == "kdcl":
        options |= {"teacher": before, "method": KdclConfig(own=method or DEFAULT_METHOD, distillation=distillation)}
    return options
