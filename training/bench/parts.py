"""The parts of `lapilli bench train`: speed of each kind of network, growth with time steps, memory."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import torch

from lapilli.netx_exports.errors import LapilliError, one_of
from lapilli.simulators.bench.measuring import Row, Watch, at_least, at_most, milliseconds, repeated, seconds_of
from lapilli.training.bench.contestants import OURS, PEERS, SLAYER, installed, step_of
from lapilli.training.bench.epoch import epoch_rows, shd_task
from lapilli.training.bench.memory import peak_mebibytes
from lapilli.training.bench.tasks import Task, gradients_of, slayer_step
from lapilli.training.networks.slayer import slayer

BARS = {"dense": (6.0, 4.0), "recurrent": (6.0, None), "conv": (3.0, 1.5)}
"""Times that SLAYER and that the fastest peer should take, over ours, at 100 steps, 2 % input, one thread."""

SLOW_S = 10.0
"""A step that takes longer is run once only."""

CHECKPOINT_STEPS = 100
"""Steps between kept states in the rows of memory that say so."""

BAR_BATCH = {"dense": 64, "recurrent": 64, "conv": 16}
GRADIENT_TOLERANCE = 1e-5
LONG_TOLERANCE = 5e-5
"""Beyond 300 steps, where sums of SLAYER's convolution were 1.2e-5 off those in double precision, and ours 8e-7."""


@dataclass(frozen=True)
class TrainSizes:
    """How much is measured.

    Arguments:
        steps: time steps of samples.
        densities: probabilities of an input spike for each input and step.
        threads: numbers of threads.
        batch: samples of a batch of dense and recurrent networks.
        conv_batch: of convolutional ones.
        gpu_batch: of all of them on a GPU.
        repeats: timed steps of each case.
        seed: of weights and input.
    """

    steps: tuple[int, ...] = (100, 1000)
    densities: tuple[float, ...] = (0.01, 0.02, 0.05, 0.2)
    threads: tuple[int, ...] = (1, 2)
    batch: int = 64
    conv_batch: int = 16
    gpu_batch: int = 256
    repeats: int = 5
    seed: int = 0

    def task(self, kind: str, n_steps: int, density: float) -> Task:
        """A case of a kind of network."""
        batch = self.conv_batch if kind == "conv" else self.batch
        return Task(kind, batch, n_steps, density, self.seed)


def bench_train_part(name: str, sizes: TrainSizes, watch: Watch) -> list[Row]:
    """Measure a part.

    Raises:
        LapilliError: for an unknown name; when losses or gradients differ.
    """
    return PARTS[known([name])[0]][1](sizes, watch)


def known(names: Sequence[str]) -> list[str]:
    """The same names.

    Raises:
        LapilliError: where one is no part.
    """
    for name in names:
        if name not in PARTS:
            raise LapilliError(f"parts: {one_of(name, PARTS)}")
    return list(names)


def _speed(kind: str) -> Callable[[TrainSizes, Watch], list[Row]]:
    """All cases of a kind of network: the shortest time at every density, longer ones at the bar's."""

    def measure(sizes: TrainSizes, watch: Watch) -> list[Row]:
        middle = 0.02 if 0.02 in sizes.densities else sizes.densities[0]
        cases = [(sizes.steps[0], density, 1) for density in sizes.densities]
        cases += [(n_steps, middle, 1) for n_steps in sizes.steps[1:]]
        cases += [(sizes.steps[0], middle, threads) for threads in sizes.threads if threads > 1]
        rows: list[Row] = []
        for n_steps, density, threads in cases:
            rows += _case(kind, sizes.task(kind, n_steps, density), threads, sizes.repeats, watch)
        return rows + _growth(rows, sizes)

    return measure


def _case(part: str, task: Task, threads: int, repeats: int, watch: Watch) -> list[Row]:
    """A row for each contestant, and what was compared before."""
    compared = compare(task)
    with _threads(threads):
        names = installed()
        times, remarks = {}, dict.fromkeys(names, "")
        for name in names:
            what = f"{name}: {task.network}, {task.n_steps} steps, {task.density:.0%} input, {threads} threads"
            step = step_of(name, task)
            first = seconds_of(step)()
            slow = first > SLOW_S
            if slow:
                remarks[name] = f"run once only: a step takes more than {SLOW_S:g} s"
            times[name] = milliseconds((first,) if slow else repeated(what, seconds_of(step), repeats, watch))
            del step
    standard = (task.batch, task.n_steps, task.density, threads) == (BAR_BATCH[task.kind], 100, 0.02, 1)
    base = Row(part, task.network, OURS, task.batch, threads, task.n_steps, "ms per training step", times[OURS])
    what = _case_name(task.n_steps, task.density)
    rows = [replace(base, what=OURS + what, compared=compared, remark=remarks[OURS])]
    peers = [name for name in PEERS if name in times]
    fastest = min(peers, key=lambda name: statistics.median(times[name]), default=None)
    bars = {SLAYER: BARS[task.kind][0], fastest: BARS[task.kind][1]}
    for name in names[1:]:
        row = replace(base, what=name + what, values=times[name], remark=remarks[name])
        ratio = row.median / base.median
        bar = bars.get(name)
        judged: dict[str, Any] = {} if bar is None else at_least(ratio, bar, standard)
        rows.append(replace(row, ratio=ratio, ratio_of="its time over lapilli's", **judged))
    missing = [name for name in PEERS if name not in times]
    if missing:
        said = [rows[0].remark] * bool(rows[0].remark)
        rows[0] = replace(rows[0], remark="; ".join([*said, f"not installed: {', '.join(missing)}"]))
    return rows


def compare(task: Task, device: str = "cpu") -> str:
    """Every voltage of the readout, and the gradients, on a device beside those of SLAYER on the CPU.

    Raises:
        LapilliError: where a voltage is another, or a gradient differs by more than rounding.
    """
    ours, theirs = gradients_of(task, "fused", device), gradients_of(task, "slayer")
    loss = (ours.pop("loss"), theirs.pop("loss"))[1]
    if not torch.equal(ours.pop("voltages"), theirs.pop("voltages")) or ours.keys() != theirs.keys():
        raise LapilliError(f"bench: voltages of lapilli and SLAYER differ on {task}")
    worst = max(float((ours[name] - theirs[name]).abs().max() / theirs[name].abs().max()) for name in theirs)
    if not worst <= (GRADIENT_TOLERANCE if task.n_steps <= 300 else LONG_TOLERANCE):
        raise LapilliError(f"bench: gradients of lapilli and SLAYER differ by {worst:.1e} on {task}")
    return f"lapilli's voltages = SLAYER's, loss {loss:.6g}; gradients differ by at most {worst:.0e} of the largest"


def _gpu(sizes: TrainSizes, watch: Watch) -> list[Row]:
    """Ours and SLAYER's extension on a GPU; nothing where there is none."""
    if not torch.cuda.is_available():
        watch.note("gpu: skipped, there is no CUDA device here")
        return []
    rows: list[Row] = []
    for kind in BARS:
        task = replace(sizes.task(kind, sizes.steps[0], 0.02), batch=sizes.gpu_batch)
        rows += _gpu_case(task, sizes.repeats, watch)
    return rows


def _gpu_case(task: Task, repeats: int, watch: Watch) -> list[Row]:
    compared, what = compare(task, "cuda"), f"{task.network}, {task.n_steps} steps"
    values = milliseconds(repeated(f"{OURS}: {what}", seconds_of(slayer_step(task, "fused", "cuda")), repeats, watch))
    name = torch.cuda.get_device_name()
    base = Row("gpu", task.network, OURS, task.batch, 1, task.n_steps, "ms per training step", values)
    base = replace(base, what=f"{OURS}, {name}", compared=compared)
    # SLAYER asks for compute capability 8.0 on every newer device.
    slayer.jitconfig.TORCH_CUDA_ARCH_LIST = ".".join(map(str, torch.cuda.get_device_capability()))
    try:
        theirs = seconds_of(slayer_step(task, "slayer", "cuda"))
        values = milliseconds(repeated(f"{SLAYER}: {what}", theirs, repeats, watch))
    except (RuntimeError, OSError, ImportError) as error:
        return [replace(base, remark=f"SLAYER's CUDA extension: {str(error).splitlines()[0]}")]
    row = replace(base, what=f"{SLAYER}'s CUDA extension, {name}", values=values, compared="")
    ratio = row.median / base.median
    judged: dict[str, Any] = at_least(ratio, 1.0, (task.batch, task.n_steps) == (256, 100))
    return [base, replace(row, ratio=ratio, ratio_of="its time over lapilli's", **judged)]


def _growth(rows: Sequence[Row], sizes: TrainSizes) -> list[Row]:
    """Time of ours with many steps over that with few."""
    found = []
    ours = {row.what: row for row in rows if row.what.startswith(OURS) and row.threads == 1}
    for n_steps, density in product(sizes.steps[1:], sizes.densities):
        short = ours[OURS + _case_name(sizes.steps[0], density)]
        long = ours.get(OURS + _case_name(n_steps, density))
        if long is not None and n_steps > short.n_steps:
            more = long.n_steps / short.n_steps
            ratio = long.median / short.median / more
            judged: dict[str, Any] = at_most(ratio, 1.2, more >= 10)
            name = f"growth from {short.n_steps} steps, over that of the steps"
            values = tuple(value / short.median / more for value in long.values)
            found.append(
                replace(
                    long,
                    what=name,
                    compared="",
                    remark="",
                    unit="ratio",
                    values=values,
                    ratio=ratio,
                    ratio_of=name,
                    **judged,
                )
            )
    return found


def _case_name(n_steps: int, density: float) -> str:
    return f", {n_steps} steps, {density:.0%} input"


def _memory(sizes: TrainSizes, watch: Watch) -> list[Row]:
    """Peak memory of a step of each contestant, and of ours with checkpoints over time."""
    rows: list[Row] = []
    names = installed()
    cases = list(product(("dense", "recurrent", "conv"), sizes.steps))
    with watch.bar("peak memory", len(cases) * (len(names) + 1)) as advance:
        for kind, n_steps in cases:
            task = sizes.task(kind, n_steps, 0.02)
            base = Row("memory", task.network, "", task.batch, 1, n_steps, "MiB", (0.0,))
            peaks: dict[str, float] = {}
            for name in names:
                peaks[name] = peak_mebibytes(name, task)
                advance(1)
            kept = f"{OURS}, states kept every {CHECKPOINT_STEPS} steps"
            peaks[kept] = peak_mebibytes(OURS, task, CHECKPOINT_STEPS)
            advance(1)
            for name, peak in peaks.items():
                row = replace(base, what=f"{name}, {n_steps} steps", values=(peak,))
                if name in (OURS, kept):
                    ratio = peak / peaks[SLAYER]
                    judged: dict[str, Any] = at_most(ratio, 0.5, n_steps >= 1000)
                    row = replace(row, ratio=ratio, ratio_of="its peak over SLAYER's", **judged)
                rows.append(row)
    return rows


def _epoch(sizes: TrainSizes, watch: Watch) -> list[Row]:
    """An epoch by the largest number of threads, and what of it is data."""
    threads = max(sizes.threads)
    try:
        task = shd_task()
    except LapilliError as error:
        watch.note(f"left out: {error}")
        return []
    with _threads(threads):
        return epoch_rows(task, threads, sizes.seed, watch)


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


PARTS: dict[str, tuple[str, Callable[[TrainSizes, Watch], list[Row]]]] = {
    "dense": ("a training step of a dense network", _speed("dense")),
    "recurrent": ("a training step of a recurrent network", _speed("recurrent")),
    "conv": ("a training step of a convolutional network, N-MNIST's size", _speed("conv")),
    "gpu": ("a training step on a GPU", _gpu),
    "memory": ("peak memory of a training step", _memory),
    "epoch": ("an epoch of SHD regenerated, data included, where the recordings are here", _epoch),
}
