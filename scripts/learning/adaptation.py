"""Online learning, measured: a network meets new speakers, or new classes; a network learns digits from nothing.

    python scripts/learning/adaptation.py speakers MODEL.net… --out results/learning_speakers.csv
    python scripts/learning/adaptation.py classes --out results/learning_classes.csv
    python scripts/learning/adaptation.py digits --out results/learning_digits.csv

`speakers`: networks that `lapilli train shd` made of SHD regenerated, without speakers 4 and 5. Half of a speaker's
samples, drawn by a seed, are learnt once, one after the other, by the readout; the other half, and 600 samples of
speakers that the network was trained on, are only tested.
`classes`: 64-128-10 learns the digits 0 to 7 from nothing, twice, then 8 and 9 in one pass: alone, or among as many
samples of the others; readout and hidden layer learn.
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
N_KNOWN = 8


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


def classes() -> Iterator[dict[str, Any]]:
    """A row for each seed, and for new classes alone and among old ones."""
    from training.digits import digits as part

    train, test = part("train"), part("test")
    old, new = (_of(train, np.arange(*bounds)) for bounds in ((0, N_KNOWN), (N_KNOWN, 10)))
    old_test, new_test = (_of(test, np.arange(*bounds)) for bounds in ((0, N_KNOWN), (N_KNOWN, 10)))
    for seed in range(5):
        config, generator, state = _digits_rule(-1, seed), np.random.default_rng(seed), None
        network = fresh_network((64,), (128,), 10, seed)
        steps = test.n_steps + network.depth
        for _ in range(2):
            known = learn(network, train.select(generator.permutation(old)), config, state=state)
            state = known.state
        others = generator.choice(old, len(new), replace=False)
        for how, chosen in (("alone", new), ("among as many old ones", np.concatenate([new, others]))):
            learned = learn(network, train.select(generator.permutation(chosen)), config, state=state)
            row: dict[str, Any] = {"new_classes": how, "samples": len(chosen)}
            for name, numbers in (("old", old_test), ("new", new_test)):
                events = test.select(numbers)
                row[f"{name}_before"] = round(accuracy_of(known.network, events, steps), 4)
                row[f"{name}_after"] = round(accuracy_of(learned.network, events, steps), 4)
            yield row | {"seconds": round(learned.seconds, 2)} | provenance(seed)


def _of(events: Events, wanted: Any) -> Any:
    return np.flatnonzero(np.isin(events.labels, wanted))


def _digits_rule(hidden: int, seed: int) -> LearningConfig:
    """For handwritten digits; `hidden`: mantissa of the hidden layer's factor."""
    rule = HiddenRule(Term(hidden), pre_tau=20.0, pre_impulse=4.0)
    return LearningConfig(rule, ReadoutRule(pre_tau=20.0, pre_impulse=4.0), voltage_exp=15, feedback_seed=seed)


def digits() -> Iterator[dict[str, Any]]:
    """A row for each seed, with and without learning in the hidden layer."""
    from training.digits import digits as part

    train, test = part("train"), part("test")
    for seed in range(3):
        network = fresh_network((64,), (128,), 10, seed)
        for hidden in (0, -1):
            config = _digits_rule(hidden, seed)
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
    parser.add_argument("what", choices=("speakers", "classes", "digits"))
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    rows = []
    made = {"speakers": lambda: speakers(options.networks), "classes": classes, "digits": digits}
    for row in made[options.what]():
        print(row, flush=True)
        rows.append(row)
        write_csv(options.out, rows)
