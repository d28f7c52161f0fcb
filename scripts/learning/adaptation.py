"""Online learning, measured: a network meets new speakers, or new classes; a network learns digits from nothing.

    python scripts/learning/adaptation.py speakers MODEL.net… --out results/learning_speakers.csv
    python scripts/learning/adaptation.py classes --out results/learning_classes.csv
    python scripts/learning/adaptation.py lava --out results/learning_lava.csv
    python scripts/learning/adaptation.py digits --out results/learning_digits.csv

`speakers`: networks that `lapilli train shd` made of SHD regenerated, without speakers 4 and 5. Half of a speaker's
samples, drawn by a seed, are learnt once, one after the other, by the readout; the other half, and 600 samples of
speakers that the network was trained on, are only tested.
`classes`: 64-128-10 learns the digits 0 to 7 from nothing, twice, then 8 and 9 in one pass: alone, or among as many
samples of the others; readout and hidden layer learn.
`lava`: the same story of 64-16-10 and 240 samples, in the twin and in Lava Processes: the same network comes out.
`digits`: 64-128-10 with random weights, 1,221 training samples, twice; with and without learning in the hidden layer.
"""

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np

from lapilli.netx_exports import load
from lapilli.simulators import Events
from lapilli.simulators.evidence.provenance import provenance, write_csv
from lapilli.simulators.learning import HiddenRule, Learned, LearningConfig, ReadoutRule, Term, learn
from lapilli.simulators.learning.fresh import fresh_network
from lapilli.simulators.learning.report import accuracy_of

SPEAKERS, N_OLD, DRAIN, WINDOW = (4, 5), 600, 20, 80
N_KNOWN = 8


def speakers(paths: list[str]) -> Iterator[dict[str, Any]]:
    """A row for each network and speaker."""
    from lapilli.training.data.catalogue import prepared
    from lapilli.training.data.framing import Framing, Split

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
    train, old, new = _known_and_new("train")
    for seed in range(5):
        config, generator = _digits_rule(-1, seed), np.random.default_rng(seed)
        known = _knowing(128, train, old, config, generator)
        others = generator.choice(old, len(new), replace=False)
        for how, chosen in (("alone", new), ("among as many old ones", np.concatenate([new, others]))):
            events = train.select(generator.permutation(chosen))
            learned = learn(known.network, events, config, state=known.state)
            row = {"new_classes": how, "samples": len(chosen), **_old_and_new(known, learned)}
            yield row | {"seconds": round(learned.seconds, 2)} | provenance(seed)


def lava() -> Iterator[dict[str, Any]]:
    """A row for the twin and one for Lava, of the same story."""
    train, old, new = _known_and_new("train")
    config, generator = _digits_rule(-1, 0), np.random.default_rng(0)
    known = _knowing(16, train, old, config, generator)
    chosen = np.concatenate([generator.choice(part, 120, replace=False) for part in (new, old)])
    events = train.select(generator.permutation(chosen))
    for backend in ("fast", "lava"):
        learned = learn(known.network, events, config, state=known.state, backend=backend)  # type: ignore[arg-type]
        row = {"backend": backend, "samples": len(chosen), **_old_and_new(known, learned)}
        row["fingerprint"] = learned.network.fingerprint[:16]
        yield row | {"seconds": round(learned.seconds, 2)} | provenance(0)


def _known_and_new(part: Any) -> tuple[Events, Any, Any]:
    """Digits, and which of them are of known and of new classes."""
    from lapilli.training.data.digits import digits as digits_part

    events = digits_part(part)
    known = np.isin(events.labels, np.arange(N_KNOWN))
    return events, np.flatnonzero(known), np.flatnonzero(~known)


def _knowing(hidden: int, train: Events, old: Any, config: LearningConfig, generator: np.random.Generator) -> Learned:
    """A network that has learnt the old classes, twice, from nothing."""
    network, state = fresh_network((64,), (hidden,), 10, config.feedback_seed), None
    for _ in range(2):
        learned = learn(network, train.select(generator.permutation(old)), config, state=state)
        state = learned.state
    return learned


def _old_and_new(known: Learned, learned: Learned) -> dict[str, float]:
    """Accuracy on test samples of old and of new classes, before and after."""
    test, old, new = _known_and_new("test")
    steps = test.n_steps + known.network.depth
    return {
        f"{name}_{when}": round(accuracy_of(result.network, test.select(numbers), steps), 4)
        for name, numbers in (("old", old), ("new", new))
        for when, result in (("before", known), ("after", learned))
    }


def _digits_rule(hidden: int, seed: int) -> LearningConfig:
    """For handwritten digits; `hidden`: mantissa of the hidden layer's factor."""
    rule = HiddenRule(Term(hidden), pre_tau=20.0, pre_impulse=4.0)
    return LearningConfig(rule, ReadoutRule(pre_tau=20.0, pre_impulse=4.0), voltage_exp=15, feedback_seed=seed)


def digits() -> Iterator[dict[str, Any]]:
    """A row for each seed, with and without learning in the hidden layer."""
    from lapilli.training.data.digits import digits as part

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
    parser.add_argument("what", choices=("speakers", "classes", "lava", "digits"))
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    rows = []
    made = {"speakers": lambda: speakers(options.networks), "classes": classes, "lava": lava, "digits": digits}
    for row in made[options.what]():
        print(row, flush=True)
        rows.append(row)
        write_csv(options.out, rows)
