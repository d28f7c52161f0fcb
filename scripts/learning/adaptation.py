"""Online learning, measured: a trained network meets new speakers; a network learns digits from nothing.

    python scripts/learning/adaptation.py speakers MODEL.net… --out results/learning_speakers.csv
    python scripts/learning/adaptation.py digits --out results/learning_digits.csv

`speakers`: networks that `lapilli train shd` made of SHD regenerated, without speakers 4 and 5. Half of a speaker's
samples, drawn by a seed, are learnt once, one after the other, by the readout; the other half, and 600 samples of
speakers that the network was trained on, are only tested.
`digits`: 64-128-10 with random weights, 1,221 training samples, twice; with and without learning in the hidden layer.
"""

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np

from netx_exports import load
from simulators import Events
from simulators.learning import HiddenRule, LearningConfig, ReadoutRule, Term, learn
from simulators.learning.fresh import fresh_network
from simulators.learning.report import accuracy_of
from simulators.provenance import provenance, write_csv

SPEAKERS, N_OLD, DRAIN, WINDOW = (4, 5), 600, 20, 80


def speakers(paths: list[str]) -> Iterator[dict[str, Any]]:
    """A row for each network and speaker."""
    from training.data.catalogue import prepared
    from training.data.framing import Framing, Split

    found = prepared("shd-regenerated", Framing(n_steps=100, bin_ms=10, pool=5), Split(), False)
    test, train = found.part("test"), found.part("train")
    generator = np.random.default_rng(0)
    old = train.select(np.sort(generator.choice(len(train), N_OLD, replace=False)))
    for path in paths:
        network = load(path)
        for speaker in SPEAKERS:
            order = np.random.default_rng(speaker).permutation(np.flatnonzero(test.groups == speaker))
            new, rest = (test.select(half) for half in np.array_split(order, 2))
            steps = test.n_steps + DRAIN
            learned = learn(network, new, LearningConfig(window=WINDOW), layers=["readout3"], n_steps=steps)
            row: dict[str, Any] = {"network": path, "speaker": speaker, "samples_learnt": len(new)}
            row["online_accuracy"] = round(learned.accuracy, 4)
            for name, events in (("learnt", new), ("rest", rest), ("old", old)):
                row[f"{name}_before"] = round(accuracy_of(network, events, steps), 4)
                row[f"{name}_after"] = round(accuracy_of(learned.network, events, steps), 4)
            yield row | {"seconds": round(learned.seconds, 2)} | provenance(speaker)


def digits() -> Iterator[dict[str, Any]]:
    """A row for each seed, with and without learning in the hidden layer."""
    from training.digits import digits as part

    train, test = part("train"), part("test")
    for seed in range(3):
        network = fresh_network((64,), (128,), 10, seed)
        for hidden in (0, -1):
            rule = HiddenRule(Term(hidden), pre_tau=20.0, pre_impulse=4.0)
            config = LearningConfig(
                rule, ReadoutRule(pre_tau=20.0, pre_impulse=4.0), voltage_exp=15, feedback_seed=seed
            )
            generator, state, online, seconds = np.random.default_rng(seed), None, [], 0.0
            for _ in range(2):
                learned = learn(network, _shuffled(train, generator), config, state=state)
                state = learned.state
                online.append(round(learned.accuracy, 4))
                seconds += learned.seconds
            steps = test.n_steps + network.depth
            yield {
                "learns": "hidden and readout" if hidden else "readout",
                "online_accuracy_first": online[0],
                "online_accuracy_second": online[1],
                "test_before": round(accuracy_of(network, test, steps), 4),
                "test_after": round(accuracy_of(learned.network, test, steps), 4),
                "seconds": round(seconds, 2),
            } | provenance(seed)


def _shuffled(events: Events, generator: np.random.Generator) -> Events:
    return events.select(generator.permutation(len(events)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("speakers", "digits"))
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    rows = []
    for row in speakers(options.networks) if options.what == "speakers" else digits():
        print(row, flush=True)
        rows.append(row)
        write_csv(options.out, rows)
