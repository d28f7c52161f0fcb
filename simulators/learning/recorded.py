"""Learning stretches of samples with a record on disk, from which a run goes on exactly where it stopped."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Network
from lapilli.netx_exports.readout import as_metadata
from lapilli.simulators.events import Events
from lapilli.simulators.learning.blueprint import learned_network
from lapilli.simulators.learning.config import LearningConfig
from lapilli.simulators.learning.learner import Learned, LearningBackend, LearningState, initial_state, learn
from lapilli.simulators.learning.parts import learning_part
from lapilli.simulators.learning.record import LearningRecord, Recorded, load_record, new_record, save_record

SAVE_S = 5.0
"""Seconds between two records on disk."""


class LearningRun(Protocol):
    """A learning run, wherever its samples come from; network, config, layers and backend as of `learn`."""

    @property
    def network(self) -> Network:
        """Whose last layers learn."""

    @property
    def config(self) -> LearningConfig:
        """How they learn."""

    @property
    def layers(self) -> Sequence[str | int] | None:
        """Those that learn."""

    @property
    def n_steps(self) -> int:
        """Steps of each sample."""

    @property
    def backend(self) -> LearningBackend:
        """What they are learnt by."""

    @property
    def time_limit_s(self) -> float | None:
        """For a Lava run of a stretch of samples."""

    @property
    def labels(self) -> npt.NDArray[np.int64] | None:
        """Of all samples in the order in which they are learnt; None: nobody knows."""

    @property
    def identity(self) -> bytes:
        """SHA-256 of all that decides what is learnt, as far as it is known."""


def identity_of(run: LearningRun, *more: Any) -> "hashlib._Hash":
    """SHA-256 of a run's network, options, and `more` that fits JSON; of its samples, nothing."""
    # As it was while the readout had its place in the metadata, so that runs that began then go on.
    metadata = as_metadata(run.network.readout, run.network.metadata)
    digest = hashlib.sha256(run.network.run_fingerprint.encode())
    options = (run.config.as_dict(), _named(run), run.n_steps, *more)
    digest.update(json.dumps([*options, run.backend, sorted(metadata.items())]).encode())
    return digest


def _named(run: LearningRun) -> list[str | int]:
    """The layers that learn, as an identity has them: none where they are those of `layers=None`."""
    usual = learning_part(run.network).names
    return [] if learning_part(run.network, run.layers).names == usual else list(run.layers or ())


def start_record(run: LearningRun, path: Path, resume: bool) -> LearningRecord:
    """What is learnt already: of the file, where a run goes on from one; else nothing.

    Raises:
        RecordError: when the file is of another run.
    """
    record = new_record(initial_state(run.network, run.config, run.layers, run.n_steps))
    if resume and path.exists():
        shapes = [weights.shape for weights in record.state.weights]
        known = Recorded(run.identity, shapes, run.network.output.size, run.n_steps, run.labels)
        return load_record(path, known)
    return record


def learn_recorded(
    run: LearningRun,
    stretches: Iterable[Events],
    record: LearningRecord,
    path: Path,
    told: Callable[[Learned], None],
) -> LearningRecord:
    """Learn stretches of samples as they come, and keep a record on disk.

    Arguments:
        run: what they are learnt by.
        stretches: samples that are learnt together.
        record: to go on from.
        path: file of the record, written every few seconds and in the end, whatever ends the run.
        told: called with each stretch that is learnt.

    Returns:
        The record of all that is learnt.
    """
    identity = run.identity
    _compile(run, record.state)
    # What was learnt since the last time on disk is apart, so that a sample costs the same however many came before.
    recent = new_record(record.state)
    saved = time.monotonic()
    try:
        for stretch in stretches:
            learned = learn(
                run.network, stretch, run.config, layers=run.layers, n_steps=run.n_steps, state=recent.state,
                backend=run.backend, time_limit_s=run.time_limit_s,
            )  # fmt: skip
            recent = recent.extended(learned)
            told(learned)
            if time.monotonic() > saved + SAVE_S:
                record = record.followed_by(recent)
                recent = new_record(record.state)
                save_record(path, record, identity)
                saved = time.monotonic()
    finally:
        # A stretch that was cut short has changed nothing.
        record = record.followed_by(recent)
        save_record(path, record, identity)
    return record


def _compile(run: LearningRun, state: LearningState) -> None:
    """Learn no sample, so that what is compiled, or loaded, is not billed as learning."""
    if run.backend == "fast":
        nothing = Events.from_dense(
            np.zeros((0, *run.network.input_shape, run.n_steps), np.int8), np.zeros(0, np.int64)
        )
        learn(run.network, nothing, run.config, layers=run.layers, n_steps=run.n_steps, state=state)


def learned_in(run: LearningRun, record: LearningRecord) -> Network:
    """The network with what was learnt."""
    return learned_network(learning_part(run.network, run.layers), record.state.weights)
