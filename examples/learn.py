"""Let a readout learn online: each sample is decided first, then learnt, once, by integers."""

import numpy as np

import lapilli
from lapilli.simulators.learning import LearningConfig, learn
from lapilli.simulators.learning.fresh import fresh_network

# Three classes, each with input neurons of its own that are busier than the others.
rng = np.random.default_rng(0)
labels = rng.integers(0, 3, 300)
rates = np.full((300, 30, 1), 0.05)
for sample, label in enumerate(labels):
    rates[sample, 10 * label : 10 * label + 10] = 0.25
events = lapilli.Events.from_dense(rng.random((300, 30, 20)) < rates, labels=labels)

network = fresh_network((30,), [], 3, seed=0)
learned = learn(network, events, LearningConfig())
right = learned.decisions == labels
print(
    f"right before they were learnt: {right[:30].mean():.2%} of the first 30, {right[-30:].mean():.2%} of the last 30"
)
before, after = lapilli.decide(network, events), lapilli.decide(learned.network, events)
print(f"accuracy: {before.accuracy:.2%} before, {after.accuracy:.2%} after")
