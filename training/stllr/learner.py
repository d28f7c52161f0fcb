"""The rule at work: forward in time, with a memory that does not depend on the number of steps.

Source: S-TLLR (Apolinario and Roy, arXiv 2306.15220), sections 3 and 4, and the authors' code where it differs:

    q[t] = l_pre q[t-1] + x[t]          trace of what comes in (of a recurrent synapse: the spikes of step t - 1)
    h[t] = l_post h[t-1] + Ψ[t-1]       trace of Ψ, without the current step
    dw   = -Σ_t Σ_samples d[t] (a_pre Ψ[t] q[t] + a_post h[t] x[t])

d[t] is the error of the step's cross-entropy at the spikes of a layer, by back-propagation through the layers of that
step alone (weights times Ψ), or by fixed random weights. A bias has the gradient Σ d Ψ. The readout has no Ψ and no
non-causal term: the error of its voltage times the trace of its input.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite, prod, sqrt

import torch

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.loop.denormals import flushing
from lapilli.training.stllr.activations import largest_activation, secondary_activation
from lapilli.training.stllr.config import RuleConfig, rule_misfits
from lapilli.training.stllr.errors import UnusableRateError
from lapilli.training.stllr.frames import Stream
from lapilli.training.stllr.layers import Layer, LayerRun
from lapilli.training.stllr.network import OnlineNetwork
from lapilli.training.stllr.rounding import TraceRounding


@dataclass(frozen=True)
class Learned:
    """What a batch showed before the weights changed.

    Arguments:
        loss: cross-entropy of a step of the window, mean of samples and steps.
        right: samples that were decided rightly.
    """

    loss: float
    right: int


class OnlineLearner(torch.nn.Module):
    """Trains a network by the rule.

    Arguments:
        network: what is trained.
        rule: how. Random feedback weights, if it has any, are drawn from torch's random generator: Kaiming's uniform
            ones of shape (classes, neurons), as in the authors' code.
        n_steps: of a sample.

    Attributes:
        generator: of the random rounding of traces, where the rule asks for it.

    Raises:
        LapilliError: listing every value out of its range.
    """

    def __init__(self, network: OnlineNetwork, rule: RuleConfig, n_steps: int) -> None:
        super().__init__()
        if problems := list(rule_misfits(rule, n_steps)):
            raise LapilliError("; ".join(f"method.{problem}" for problem in problems))
        self.network = network
        self.rule = rule
        self.n_steps = n_steps
        self.generator = torch.Generator()
        self.rounding = None if rule.trace_bits is None else TraceRounding(rule.trace_bits, n_steps, self.generator)
        for number, layer in enumerate(network.hidden if rule.signal != "bp" else ()):
            bound = sqrt(6 / prod(layer.shape))
            self.register_buffer(
                f"feedback_{number}", torch.empty(network.n_classes, layer.size).uniform_(-bound, bound)
            )

    @flushing
    def learn(self, stream: Stream, change: Callable[[], None]) -> Learned:
        """Go through some samples once.

        Arguments:
            stream: the samples.
            change: changes the parameters by their gradients, which lie in `grad` then; called once, at the end, or in
                each step of the window.

        Raises:
            LapilliError: for labels that are none, or another number of steps.
            UnusableRateError: for a learning signal, or a change of weights, that is no number.
        """
        check_labels(stream, self.network.n_classes, self.n_steps)
        with torch.no_grad():
            return _Pass(self, stream, change).run()

    def give_gradients(self, cells: "list[Cell]") -> None:
        """Put what was added up into `grad` of the parameters, and start anew."""
        used: list[torch.Tensor] = []
        totals: list[torch.Tensor] = []
        with torch.enable_grad():  # type: ignore[no-untyped-call]
            for cell in cells:
                layer = cell.run.layer
                used += [part.used() for part in layer.parts]
                totals += cell.totals
                _check_finite(cell.totals)
                if layer.bias is not None:
                    used.append(layer.bias)
                    totals.append(cell.bias_total.view_as(layer.bias))
            self.network.zero_grad(set_to_none=True)
            torch.autograd.backward(used, totals)
        for cell in cells:
            cell.forget()


def _check_finite(totals: Sequence[torch.Tensor]) -> None:
    # A neuron whose voltage is no number is silent, and the readout would never show it.
    if not all(isfinite(float(total.sum())) for total in totals):
        raise UnusableRateError("a change of weights is no number; lower the learning rate")


class Cell:
    """A layer with the traces and sums of its synapses.

    Arguments:
        layer: whose synapses learn.
        n_samples: at once.
        kept: share of the trace of what comes in that is kept in a step.
        rule: the rule.
        rounding: of the traces; None: they are real numbers.
    """

    def __init__(
        self, layer: Layer, n_samples: int, kept: float, rule: RuleConfig, rounding: TraceRounding | None = None
    ) -> None:
        self.run = LayerRun(layer, n_samples)
        self.rule = rule
        self._kept = kept
        self._rounding = rounding
        self._traces: list[torch.Tensor] = []
        self.psi = torch.empty(0)
        self.post = torch.zeros_like(self.run.spikes) if rule.a_post else torch.empty(0)
        self.bias_total = torch.zeros(layer.shape[0], dtype=self.run.spikes.dtype)
        self.forget()

    def forget(self) -> None:
        """Start sums anew."""
        self.totals = [torch.zeros_like(weight) for weight in self.run.weights]
        self.bias_total = torch.zeros_like(self.bias_total)

    @property
    def traces(self) -> list[torch.Tensor]:
        """q of each synapse; without memory, its input itself."""
        return self._traces if self._kept else self.run.inputs

    def integrate(self, values: torch.Tensor) -> None:
        """A step of voltages and of the traces of what comes in."""
        self.run.integrate(values)
        if self._kept:
            if not self._traces:
                self._traces = [torch.zeros_like(part) for part in self.run.inputs]
            for trace, arriving in zip(self._traces, self.run.inputs):
                trace.mul_(self._kept).add_(arriving)
                if self._rounding:
                    self._rounding.apply_(trace, self._kept, 1.0)

    def activate(self) -> None:
        """Ψ of the step, before the reset."""
        self.psi = secondary_activation(self.rule.psi, self.run.distance())

    def learn(self, error: torch.Tensor) -> torch.Tensor:
        """Add up both terms for the error d at the layer's spikes; returns d Ψ."""
        causal = error * self.psi
        terms = [(self.rule.a_pre, causal, self.traces)] if self.rule.a_pre else []
        if self.rule.a_post:
            terms.append((self.rule.a_post, error * self.post, self.run.inputs))
        self._add(terms)
        self._add_bias(causal)
        return causal

    def learn_linear(self, error: torch.Tensor) -> None:
        """Add up the error of a readout's voltage times the trace of its input."""
        self._add([(1.0, error, self.traces)])
        self._add_bias(error)

    def finish_step(self) -> None:
        """The trace of Ψ takes in the step that is over."""
        if self.rule.a_post:
            self.post.mul_(self.rule.l_post).add_(self.psi)
            if self._rounding:
                self._rounding.apply_(self.post, self.rule.l_post, largest_activation(self.rule.psi))

    def _add(self, terms: list[tuple[float, torch.Tensor, list[torch.Tensor]]]) -> None:
        for factor, error, values in terms:
            for part, total, weight, value in zip(self.run.layer.parts, self.totals, self.run.weights, values):
                part.add_outer(total, error, value, factor, weight)

    def _add_bias(self, error: torch.Tensor) -> None:
        if self.run.layer.bias is not None:
            self.bias_total += error.sum([dim for dim in range(error.dim()) if dim != 1])


@dataclass
class _Pass:
    """One pass over some samples."""

    learner: OnlineLearner
    stream: Stream
    change: Callable[[], None]
    cells: list[Cell] = field(default_factory=list)
    readout: Cell = field(init=False)
    target: torch.Tensor = field(init=False)
    loss: float = 0.0
    late: list[torch.Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        network, rule, n_samples = self.learner.network, self.learner.rule, self.stream.n_samples

        rounding = self.learner.rounding

        def cell(layer: Layer, kept: float | None) -> Cell:
            return Cell(layer, n_samples, layer.neurons.share if kept is None else kept, rule, rounding)

        # A causal term of weight 0 needs no trace.
        self.cells = [cell(layer, rule.l_pre if rule.a_pre else 0.0) for layer in network.hidden]
        self.readout = cell(network.readout, rule.l_readout)
        voltages = self.readout.run.voltage
        self.target = torch.nn.functional.one_hot(self.stream.labels, network.n_classes).to(voltages.dtype)

    def run(self) -> Learned:
        """All steps."""
        rule, n_steps = self.learner.rule, self.learner.n_steps
        n_active = n_steps if rule.window is None else rule.window
        total = torch.zeros_like(self.readout.run.voltage)
        for step, values in enumerate(self.stream):
            active = step >= n_steps - n_active
            self._forward(values, active)
            total += self.readout.run.voltage
            if active:
                self._teach(step)
                if rule.update == "each step":
                    self._change()
            for cell in self.cells:
                cell.finish_step()
        if rule.update == "batch":
            self._change()
        right = int((total.argmax(1) == self.stream.labels).sum())
        return Learned(self.loss / n_active, right)

    def _forward(self, values: torch.Tensor, active: bool) -> None:
        for cell in self.cells:
            cell.integrate(values)
            if active or cell.rule.a_post:
                cell.activate()
            values = cell.run.fire()
        self.readout.integrate(values)

    def _teach(self, step: int) -> None:
        error = self._error(step)
        self.readout.learn_linear(error)
        self.late.append(error)
        if len(self.late) <= self.learner.rule.error_delay:
            return
        error = self.late.pop(0)
        if self.learner.rule.signal == "bp":
            self._back(error)
        else:
            self._straight(error)

    def _error(self, step: int) -> torch.Tensor:
        """Gradient of the step's cross-entropy, mean of the samples, at the readout's voltages."""
        gain, n_samples = self.learner.network.config.gain, self.stream.n_samples
        shares = (self.readout.run.voltage * gain).log_softmax(1)
        loss = -float((shares * self.target).sum()) / n_samples
        if not isfinite(loss):
            raise UnusableRateError(
                f"the learning signal of step {step + 1} is {loss}, no number; lower the learning rate"
            )
        self.loss += loss
        error = shares.exp_().sub_(self.target)
        return error.mul_(gain / n_samples).to(self.readout.run.weights[0].dtype)

    def _back(self, error: torch.Tensor) -> None:
        """From the readout down, through the weights and Ψ of this step."""
        above = self.readout
        for cell in reversed(self.cells):
            part, weight, shape = above.run.layer.parts[0], above.run.weights[0], above.run.inputs[0].shape
            error, above = cell.learn(part.back(error, weight, shape)), cell

    def _straight(self, error: torch.Tensor) -> None:
        """To each layer at once, by its random weights."""
        if self.learner.rule.signal == "sign dfa":
            error = error.sign() / len(error)
        for number, cell in enumerate(self.cells):
            feedback: torch.Tensor = getattr(self.learner, f"feedback_{number}")
            cell.learn((error @ feedback).view_as(cell.psi))

    def _change(self) -> None:
        self.learner.give_gradients([*self.cells, self.readout])
        self.change()
        for cell in (*self.cells, self.readout):
            cell.run.take_weights()


def check_labels(stream: Stream, n_classes: int, n_steps: int) -> None:
    """See that samples fit what is trained on them.

    Raises:
        LapilliError: for labels that are not one class for each sample, or another number of steps.
    """
    labels = stream.labels
    if labels.shape != (stream.n_samples,) or labels.dtype != torch.int64:
        raise LapilliError(
            f"labels: must be one int64 for each of {stream.n_samples} samples, "
            f"got {str(labels.dtype).removeprefix('torch.')} of shape {tuple(labels.shape)}"
        )
    wrong = labels[(labels < 0) | (labels >= n_classes)]
    if len(wrong):
        raise LapilliError(f"labels: must be 0…{n_classes - 1}, got {int(wrong[0])}")
    if stream.n_steps != n_steps:
        raise LapilliError(f"a sample must have {n_steps} steps, got {stream.n_steps}")
