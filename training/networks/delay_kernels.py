"""The inner loops of learned axonal delays, compiled by numba; arrays hold (samples, steps, neurons)."""

import numpy as np

from lapilli.simulators.compiled import compiled


@compiled
def send_late(sent, delays, late):
    """Write what each neuron sends into `late`, zeros so far, as many steps later as its delay."""
    n_samples, n_steps, n_neurons = sent.shape
    for n in range(n_samples):
        for t in range(n_steps):
            for i in range(n_neurons):
                arrival = t + delays[i]
                if arrival < n_steps:
                    late[n, arrival, i] = sent[n, t, i]


@compiled
def gradients_of_delays(late, delays, late_gradient, sent_gradient, delay_gradient):
    """From the gradient of what arrives to that of what is sent, and of the delays, added to `delay_gradient`.

    Arguments:
        late: what arrives.
        delays: of each neuron, whole steps.
        late_gradient: of `late`.
        sent_gradient: zeros so far.
        delay_gradient: (neurons), float64; a longer delay by one step gives in each step what came a step before.
    """
    n_samples, n_steps, n_neurons = late.shape
    for n in range(n_samples):
        for t in range(n_steps):
            for i in range(n_neurons):
                gradient = late_gradient[n, t, i]
                before = late[n, t - 1, i] if t else np.float32(0)
                delay_gradient[i] += np.float64(gradient * (before - late[n, t, i]))
                if t >= delays[i]:
                    sent_gradient[n, t - delays[i], i] = gradient
