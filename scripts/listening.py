"""Hears all test recordings of `spoken-digits`: are the scores those of `simulate`, and how long do hops take?

    python scripts/listening.py

It needs the data set, and prints the numbers of `docs/how-to/listen.md`.
"""

import json

import numpy as np

from lapilli import decide
from lapilli.listening.hops import whole
from lapilli.listening.listener import Listener
from lapilli.listening.plans import listening_plan
from lapilli.listening.session import Moment, Session, Utterance
from lapilli.sources.inputs import InputOptions, find_inputs
from lapilli.sources.networks import find_network
from lapilli.training.data.folders import find_file


class Scores:
    """Keeps the scores of each utterance."""

    def __init__(self) -> None:
        self.found: list[list[int]] = []

    def moment(self, moment: Moment) -> None:
        """Nothing is kept of a hop."""

    def utterance(self, utterance: Utterance) -> None:
        """Keep the scores."""
        self.found.append(utterance.scores.tolist())


def main() -> None:
    """Print what was found as JSON."""
    path = find_file("fsdd.npz")
    if path is None:
        raise SystemExit("fsdd.npz is not here; `lapilli data list` says how to get it")
    source = find_network("zoo:spoken-digits")
    plan, events = listening_plan(source, InputOptions(), None), find_inputs(InputOptions(), source.run).source
    wanted = decide(source.network, events, n_steps=plan.n_steps + plan.drain).scores.tolist()
    with np.load(path) as archive:
        audio, offsets, take = (archive[name] for name in ("audio", "offsets", "index"))
    listener, scores = Listener(plan), Scores()
    listener.warm_up()
    session = Session(listener, scores)
    for number in np.flatnonzero(take < 5):
        sound = audio[offsets[number] : offsets[number + 1]] / (1 << 15)
        hops = (sound[first : first + plan.ear.hop] for first in range(0, len(sound), plan.ear.hop))
        session.hear(whole(hops, lambda: listener.is_full))
    differing = sum(mine != theirs for mine, theirs in zip(scores.found, wanted))
    print(json.dumps({"recordings": len(wanted), "heard": len(scores.found), "differing": differing}))
    print(json.dumps(session.latency.facts()))


if __name__ == "__main__":
    main()
