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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.configurations import configuration, refuse, with_changes
from lapilli.simulators.configurations.ranges import AboveZero, Count, Natural
from lapilli.training.data.catalogue import data_set
from lapilli.training.data.tasks import DataConfig
from lapilli.training.loop.inheritance import Inherited
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.loop.run_folder import make
from lapilli.training.methods import DistillationConfig, KdclConfig, OwnMethod
from lapilli.training.networks.config import DEFAULT_NETWORK
from lapilli.training.networks.kinds import AnyNetworkConfig
from lapilli.training.recipes import surrogate_gradient
from lapilli.training.recipes.surrogate_gradient import Accelerator
from lapilli.training.studies.collect import Row
from lapilli.training.studies.proven_runs import resumed, row_of


@configuration("chain")
@dataclass(frozen=True)
class ChainConfig:
    """The bins of a chain, and what stands beside it."""

    bins_ms: tuple[AboveZero, ...] = (10.0, 25.0)
    """Width of a time bin in each stage, from the narrowest."""

    duration_ms: AboveZero = 1000.0
    """Length of a sample. A stage has as many steps as its bins fit into that."""

    inherited: Inherited = "as it is"
    """Whether a stage inherits decays and delays in steps, as published, or in milliseconds ("rescaled")."""

    student_lr: AboveZero = 1.0
    """Learning rate of later stages, over that of the first."""

    student_epochs: Count | None = None
    """Epochs of later stages. With null, there are as many as in the first."""

    from_scratch: bool = True
    """Whether the control runs in which the same network is trained from scratch at each further bin width, as long as
    a first stage."""

    without_teacher: bool = True
    """Whether the control runs that has inherited weights, but no teacher."""

    def __post_init__(self) -> None:
        refuse(self._contradictions())

    def _contradictions(self) -> Iterator[str]:
        widths = self.bins_ms
        if len(widths) < 2 or list(widths) != sorted(set(widths)):
            yield f"bins_ms: need two or more bins, each wider than the one before, got {list(widths)}"
        elif min(self.frames) < 1:
            yield f"duration_ms: must hold a bin of {widths[-1]:g} ms, got {self.duration_ms:g}"

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
    """All trainings, each after those that it follows."""
    widths = chain.bins_ms
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


@configuration("")
@dataclass(frozen=True)
class Options:
    """What can be chosen about a chain: the options of `lapilli train curriculum`, and the keys of its file."""

    chain: ChainConfig = field(default_factory=ChainConfig)
    """bins and controls."""

    data: DataConfig = field(default_factory=DataConfig)
    """what to train on; each stage has bins of its own, and a drain of the same time."""

    network: AnyNetworkConfig = DEFAULT_NETWORK
    """what to train."""

    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """how the first stage trains, and the controls from scratch."""

    loss: LossConfig = field(default_factory=LossConfig)
    """from scores to logits, and what operations and spikes cost."""

    method: OwnMethod | None = None
    """the networks' own loss, with or without a teacher; none: cross-entropy of the mean, 0.1 smoothed."""

    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    """what a teacher adds."""

    watch_test: bool = False
    """as in `train`, for every stage."""

    seed: Natural = 0
    """of initial weights, order, augmentation and dropout of every stage."""

    threads: Count = 1
    """of torch."""

    accelerator: Accelerator = "auto"
    """where to train; "auto" takes a GPU if there is one."""

    lava_samples: Natural = 0
    """test samples on which each network is proven on Lava too."""

    def __post_init__(self) -> None:
        method = self.method
        taught = method is not None and method.needs_teacher
        refuse([f"method: must be one without a teacher of its own, got {method.name}"] if method and taught else [])


def train_curriculum(
    run_dir: Path, options: Options | None = None, *, progress: bool = True, **given: Any
) -> list[Row]:
    """Train the whole chain and its controls; what was stopped goes on where it was when called again.

    Arguments:
        run_dir: folder of the stages, each a run of its own.
        options: of the chain; none: all defaults.
        progress: whether to show progress bars.
        given: fields of `Options` that replace those of `options`: `train_curriculum(run_dir, seed=3)`.

    Returns:
        A row for each stage: steps, accuracy, operations, estimate of energy, what was proven.

    Raises:
        LapilliError: as `train`; for bins that are no chain.
    """
    chosen = with_changes(Options, options, given)
    if "bin_ms" not in data_set(chosen.data.name).framing:
        raise LapilliError(f"data.name: must be a data set whose bins can be chosen, got {chosen.data.name}")
    make(run_dir)
    rows: list[Row] = []
    for stage in stages(chosen.chain):
        folder, training = Path(run_dir) / stage.name, _training(stage, chosen, Path(run_dir))
        summary = resumed(folder, training, progress)
        measured = row_of(folder, summary, training.data, chosen.lava_samples)
        rows.append({"stage": stage.kind, "bin_ms": stage.width_ms, "frames": stage.frames, **measured})
    return rows


def _training(stage: Stage, options: Options, run_dir: Path) -> surrogate_gradient.Options:
    """Options of a stage."""
    data = options.data
    framing = replace(data.framing, bin_ms=stage.width_ms, n_steps=stage.frames)
    drain = None if data.drain is None else round(data.drain * options.chain.bins_ms[0] / stage.width_ms)
    training = surrogate_gradient.Options(
        data=replace(data, framing=framing, drain=drain),
        network=options.network,
        optimizer=options.optimizer,
        loss=options.loss,
        method=options.method,
        watch_test=options.watch_test,
        seed=options.seed,
        threads=options.threads,
        accelerator=options.accelerator,
    )
    return training if stage.before is None else _following(stage, run_dir / stage.before, training, options)


def _following(
    stage: Stage, before: Path, training: surrogate_gradient.Options, options: Options
) -> surrogate_gradient.Options:
    """Options of a stage that follows the run in the folder `before`."""
    chain, optimizer = options.chain, training.optimizer
    epochs = chain.student_epochs or optimizer.max_epochs
    optimizer = replace(optimizer, lr=optimizer.lr * chain.student_lr, max_epochs=epochs)
    training = replace(training, start=before, inherited=chain.inherited, optimizer=optimizer)
    if stage.kind != "kdcl":
        return training
    method = KdclConfig(own=training.chosen_method, distillation=options.distillation)
    return replace(training, teacher=before, method=method)
