"""Files for `lapilli learn`: a network, labelled events, and the same events as the lines of a stream."""

import json
from pathlib import Path

import numpy as np

from lapilli.netx_exports import save
from lapilli.simulators import Events
from lapilli.simulators.learning.fresh import fresh_network
from lapilli.simulators.learning.labelled_lines import written_lines

N_CLASSES = 4

RULE = [
    *("--layers=hidden1,readout", "--learning.readout.causal.mantissa=-1"),
    *("--learning.hidden.causal.mantissa=-3", "--learning.voltage-exp=15", "--learning.seed=3"),
]


def learning_files(folder: Path, n_samples: int) -> dict[str, Path]:
    """`network`, `events`, `stream`; 16 inputs, of which other four spike for each class."""
    generator = np.random.default_rng(6)
    labels = generator.integers(0, N_CLASSES, n_samples)
    # So that a file, which does not say it, has as many classes as the stream.
    labels[:N_CLASSES] = np.arange(N_CLASSES)
    rates = np.where(np.arange(16)[None] // 4 == labels[:, None], 0.4, 0.1)
    events = Events.from_dense((generator.random((n_samples, 16, 12)) < rates[:, :, None]).astype(int), labels)
    files = {name: folder / file for name, file in (("network", "a.net"), ("events", "e.npz"), ("stream", "e.jsonl"))}
    save(fresh_network((16,), [20], N_CLASSES, 5), files["network"])
    events.save(files["events"])
    files["stream"].write_text(stream_text(events))
    return files


def stream_text(events: Events, first: int = 0) -> str:
    """The lines of a stream of the samples from `first` on."""
    return "".join(line + "\n" for line in written_lines(events.select(slice(first, None)), N_CLASSES))


def answers_in(out: str) -> tuple[list[dict[str, int]], dict[str, object]]:
    """The answers of a run with `--json`, and the report."""
    *answers, report = map(json.loads, out.splitlines())
    return answers, report
