"""Gradients of fused blocks against finite differences of the path that the surrogate gradient smooths."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from lapilli.training.blocks import block_module

Array = npt.NDArray[np.float64]
NEURON = {"threshold": 1.0, "current_decay": 0.3, "voltage_decay": 0.1, "tau_grad": 0.01, "scale_grad": 10.0}
SAMPLES, INPUTS, NEURONS, STEPS = 2, 5, 4, 12
STEP = 1e-5


@dataclass(frozen=True)
class Smoothed:
    """A layer around what it did: spikes change smoothly with voltages, resets and roundings stay as they were.

    Voltages and spikes that were, (samples, neurons, steps); `keep` is the share of current and voltage that the
    gradient takes through a step.
    """

    voltages: Array
    spikes: Array
    inputs: Array
    weight: Array
    feedback: Array
    threshold: float
    tau: float
    peak: float
    keep: tuple[float, float]

    def out(self, weight: Array, feedback: Array, inputs: Array) -> Array:
        """Smoothed spikes, or voltages where the threshold is infinite."""
        change = np.zeros_like(self.voltages)
        current, voltage = np.zeros((2, SAMPLES, NEURONS))
        late, was = np.zeros((2, SAMPLES, NEURONS))
        for t in range(STEPS):
            arriving = inputs[..., t] @ weight.T + late @ feedback.T
            arriving -= self.inputs[..., t] @ self.weight.T + was @ self.feedback.T
            current = self.keep[0] * current + arriving
            voltage = self.keep[1] * voltage + current
            change[..., t] = voltage
            was = self.spikes[..., t]
            late = was + self._smooth(self.voltages[..., t] + voltage) - self._smooth(self.voltages[..., t])
        if np.isinf(self.threshold):
            return change
        return self._smooth(self.voltages + change)

    def _smooth(self, voltages: Array) -> Array:
        """What has the surrogate gradient `peak * exp(-|voltage - threshold| / tau)` as derivative."""
        if np.isinf(self.threshold):
            return np.zeros_like(voltages)
        distance = voltages - self.threshold
        falling = self.tau * self.peak * np.exp(-np.abs(distance) / self.tau)
        return np.where(distance < 0, falling, 2 * self.tau * self.peak - falling)


def states(block: Any, arriving: Array, feedback: Array, spiking: bool) -> tuple[Array, Array]:
    """Voltages before the reset, and spikes, in units of fixed point, from what arrives and from recurrent weights."""
    scale = block.neuron.s_scale
    keep_current, keep_voltage = (4096 - int(decay.round()) for decay in decays(block))
    threshold = (block.neuron.threshold + block.neuron.threshold_eps) * scale if spiking else np.inf
    current, voltage = np.zeros((2, SAMPLES, NEURONS), np.int64)
    found, spikes = np.zeros((2, *arriving.shape))
    late = np.zeros((SAMPLES, NEURONS))
    for t in range(STEPS):
        incoming = np.rint((arriving[..., t] + late @ feedback.T) * scale).astype(np.int64)
        current = np.sign(current) * (np.abs(current) * keep_current >> 12) + incoming
        voltage = np.sign(voltage) * (np.abs(voltage) * keep_voltage >> 12) + current
        found[..., t], spikes[..., t] = voltage, voltage >= threshold
        late = spikes[..., t]
        voltage = np.where(voltage >= threshold, 0, voltage)
    return found / scale, spikes


def decays(block: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return block.neuron.current_decay.detach(), block.neuron.voltage_decay.detach()


def smoothed(block: Any, synapse: Any, recurrent: Any, inputs: Array, spiking: bool, through_state: bool) -> Smoothed:
    neuron = block.neuron
    weight = neuron.quantize_8bit(synapse.weight).detach().flatten(1).double().numpy()
    feedback = np.zeros((NEURONS, NEURONS))
    if recurrent is not None:
        feedback = neuron.quantize_8bit(recurrent.weight).detach().flatten(1).double().numpy()
    arriving = np.einsum("oi,nit->not", weight, inputs)
    voltages, spikes = states(block, arriving, feedback, spiking)
    share = 1 / 4096 if through_state else 0.0
    keep_current, keep_voltage = ((4096 - int(decay.round())) * share for decay in decays(block))
    threshold = neuron.threshold + neuron.threshold_eps if spiking else np.inf
    tau = neuron.tau_rho * 100
    peak = neuron.scale_rho * 0.1 / (2 * tau)
    return Smoothed(voltages, spikes, inputs, weight, feedback, threshold, tau, peak, (keep_current, keep_voltage))


def differences(loss: Any, values: Array) -> Array:
    """Central differences of `loss` by each of `values`."""
    found = np.zeros_like(values)
    for place in np.ndindex(*values.shape):
        moved = [values.copy(), values.copy()]
        moved[0][place] += STEP
        moved[1][place] -= STEP
        found[place] = (loss(moved[0]) - loss(moved[1])) / (2 * STEP)
    return found


CASES = [("Dense", True), ("Affine", True), ("Recurrent", True), ("Recurrent", False)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("kind", "through_state"), CASES)
def test_gradients_are_those_of_the_smoothed_path(kind: str, through_state: bool, seed: int) -> None:
    torch.manual_seed(seed)
    options: dict[str, dict[str, bool]] = {"Dense": {"delay_shift": False}, "Affine": {}}
    extra = options.get(kind, {"delay_shift": False, "through_state": through_state})
    block = getattr(block_module("fused"), kind)(dict(NEURON), INPUTS, NEURONS, weight_scale=2, **extra)
    generator = np.random.default_rng(seed)
    inputs = (generator.random((SAMPLES, INPUTS, STEPS)) < 0.4).astype(np.float64)
    values = torch.tensor(inputs, dtype=torch.float32, requires_grad=True)
    factors = generator.normal(size=(SAMPLES, NEURONS, STEPS))
    out = block(values)
    out.backward(torch.tensor(factors, dtype=torch.float32))

    spiking, recurrent = kind != "Affine", kind == "Recurrent"
    synapse = block.input_synapse if recurrent else block.synapse
    path = smoothed(block, synapse, block.recurrent_synapse if recurrent else None, inputs, spiking, through_state)
    assert np.array_equal(out.detach().numpy(), path.spikes if spiking else path.voltages)
    assert not spiking or 0.05 < path.spikes.mean() < 0.95

    def loss(weight: Array = path.weight, feedback: Array = path.feedback, inputs: Array = path.inputs) -> float:
        return float((factors * path.out(weight, feedback, inputs)).sum())

    pairs = [(differences(lambda moved: loss(weight=moved), path.weight), synapse.weight.grad.flatten(1))]
    pairs.append((differences(lambda moved: loss(inputs=moved), inputs), values.grad))
    if recurrent:
        expected = differences(lambda moved: loss(feedback=moved), path.feedback)
        pairs.append((expected, block.recurrent_synapse.weight.grad.flatten(1)))
    for expected, found in pairs:
        assert np.abs(found.numpy() - expected).max() <= 1e-5 * np.abs(expected).max()
        assert np.abs(expected).max() > 0
