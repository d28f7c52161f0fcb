"""Control: back-propagation through time, by autograd, on the network, Ψ, window and loss that the rule has.

The reset has no gradient, as is usual (Zenke and Vogels 2021); rounding passes gradients as if it were not there.
"""

from collections.abc import Callable
from math import isfinite
from typing import Any

import torch
from torch.nn import functional

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.loop.denormals import flushing
from lapilli.training.stllr.activations import PsiName, secondary_activation
from lapilli.training.stllr.config import UnrolledConfig, rule_misfits
from lapilli.training.stllr.errors import UnusableRateError
from lapilli.training.stllr.frames import Stream
from lapilli.training.stllr.layers import Layer, Neurons
from lapilli.training.stllr.learner import Learned, check_labels
from lapilli.training.stllr.network import OnlineNetwork


class UnrolledLearner(torch.nn.Module):
    """Trains a network by full or truncated back-propagation through time.

    Arguments:
        network: what is trained.
        method: how.
        n_steps: of a sample.

    Raises:
        LapilliError: listing every value out of its range.
    """

    def __init__(self, network: OnlineNetwork, method: UnrolledConfig, n_steps: int) -> None:
        super().__init__()
        if problems := list(rule_misfits(method, n_steps)):
            raise LapilliError("; ".join(f"method.{problem}" for problem in problems))
        self.network = network
        self.method = method
        self.n_steps = n_steps

    @flushing
    @torch.enable_grad()  # type: ignore[no-untyped-call]
    def learn(self, stream: Stream, change: Callable[[], None]) -> Learned:
        """Go through some samples once, as `OnlineLearner.learn`; parameters change at the end.

        Raises:
            LapilliError: for labels that are none, or another number of steps.
            UnusableRateError: for a loss, or a change of weights, that is no number.
        """
        check_labels(stream, self.network.n_classes, self.n_steps)
        window = self.method.window or self.n_steps
        chunk = self.method.steps or self.n_steps
        self.network.zero_grad(set_to_none=True)
        states = [_State(layer, stream.n_samples, self.method) for layer in self.network.hidden]
        readout = _State(self.network.readout, stream.n_samples, self.method)
        total = torch.zeros_like(readout.voltage, dtype=torch.float64)
        seen, loss = 0.0, torch.zeros(())
        logits: list[torch.Tensor] = []
        for step, values in enumerate(stream):
            for state in states:
                values = state.step(values)
            voltage = readout.integrate(values)
            total += voltage.detach()
            if step >= self.n_steps - window:
                logits.append(voltage * self.network.config.gain)
            if (step + 1) % chunk == 0 or step + 1 == self.n_steps:
                if logits:
                    loss = self._loss(logits, stream.labels)
                    self._check_finite(loss, step)
                    loss.backward()  # type: ignore[no-untyped-call]
                    seen += loss.item()
                logits = []
                for state in (*states, readout):
                    state.cut()
        for state in (*states, readout):
            state.give_gradients()
        change()
        right = int((total.argmax(1) == stream.labels).sum())
        return Learned(seen / (window if self.method.loss == "each step" else 1), right)

    def _loss(self, logits: list[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        if self.method.loss == "mean":
            return functional.cross_entropy(torch.stack(logits).mean(0), labels)
        terms = [functional.cross_entropy(of_step, labels) for of_step in logits]
        return torch.stack(terms).sum()

    def _check_finite(self, loss: torch.Tensor, step: int) -> None:
        if not isfinite(loss.item()):
            raise UnusableRateError(
                f"the loss up to step {step + 1} is {loss.item()}, no number; lower the learning rate"
            )


class _State:
    """A layer at work, with the graph of the steps since the last cut."""

    def __init__(self, layer: Layer, n_samples: int, method: UnrolledConfig) -> None:
        self.layer = layer
        self.method = method
        self.used = [part.used() for part in layer.parts]
        # Gradients of all chunks add up here, and go back to what is learned once.
        self.weights = [weight.detach().requires_grad_() for weight in self.used]
        self.voltage = layer.neurons.start(self.weights[0], n_samples, layer.shape)
        self.spikes = torch.zeros_like(self.voltage, dtype=self.weights[0].dtype)

    def integrate(self, values: torch.Tensor) -> torch.Tensor:
        """The voltages before the reset."""
        parts = self.layer.parts
        current = parts[0].currents(values, self.weights[0])
        if len(parts) > 1:
            own = self.spikes if self.method.recurrent_gradient else self.spikes.detach()
            current = current + parts[1].currents(own, self.weights[1])
        if self.layer.bias is not None:
            current = current + self.layer.bias
        neurons = self.layer.neurons
        if neurons.integer:
            # The same numbers as the rule's, by its own arithmetic; the gradient is that of real numbers.
            self.voltage = _Integrated.apply(self.voltage, current, neurons)  # type: ignore[no-untyped-call]
        else:
            self.voltage = self.voltage * neurons.leak + current
        return self.voltage

    def step(self, values: torch.Tensor) -> torch.Tensor:
        """The spikes of a step."""
        neurons = self.layer.neurons
        voltage = self.integrate(values)
        self.spikes = _Spike.apply(voltage, neurons.threshold, self.method.psi, self.weights[0].dtype)  # type: ignore[no-untyped-call]
        spiked = self.spikes.detach()
        self.voltage = voltage - spiked * neurons.threshold if neurons.subtract else voltage * (1 - spiked)
        return self.spikes

    def cut(self) -> None:
        """Forget the graph, keep the numbers."""
        self.voltage, self.spikes = self.voltage.detach(), self.spikes.detach()

    def give_gradients(self) -> None:
        """From the weights as neurons meet them to what is learned."""
        pairs = [(used, met.grad) for used, met in zip(self.used, self.weights) if met.grad is not None]
        if not all(isfinite(float(grad.sum())) for _, grad in pairs):
            raise UnusableRateError("a change of weights is no number; lower the learning rate")
        if pairs:
            torch.autograd.backward([used for used, _ in pairs], [grad for _, grad in pairs])


class _Spike(torch.autograd.Function):
    """A spike above the threshold; Ψ is its surrogate gradient."""

    @staticmethod
    def forward(ctx: Any, voltage: torch.Tensor, threshold: float, psi: PsiName, dtype: torch.dtype) -> torch.Tensor:
        """1 or 0."""
        ctx.save_for_backward(voltage)
        ctx.threshold, ctx.psi = threshold, psi
        return (voltage > threshold).to(dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """Times Ψ."""
        (voltage,) = ctx.saved_tensors
        distance = (voltage - ctx.threshold).to(gradients[0].dtype)
        return (gradients[0] * secondary_activation(ctx.psi, distance)).to(voltage.dtype), None, None, None


class _Integrated(torch.autograd.Function):
    """A step of integer voltages."""

    @staticmethod
    def forward(ctx: Any, voltage: torch.Tensor, current: torch.Tensor, neurons: Neurons) -> torch.Tensor:
        """Decayed and integrated."""
        ctx.share, ctx.dtype = neurons.share, current.dtype
        found = voltage.clone()
        neurons.decay_(found)
        neurons.add_(found, current)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """As if nothing were rounded."""
        return gradients[0] * ctx.share, gradients[0].to(ctx.dtype), None
