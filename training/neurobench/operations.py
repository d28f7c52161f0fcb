"""Synaptic operations of one call of a torch layer, as NeuroBench defines them: non-zero inputs x non-zero weights.

Definition: NeuroBench 2.3.0 (e521c28), `neurobench/metrics/utils/layers/macs.py`. It runs a copy of the layer with
zeros and ones for inputs and weights, in single precision, twice for each call. Here each input position's fan-out is
counted once, in whole numbers, and every call adds up the fan-outs of the inputs that are not zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from lapilli.netx_exports.errors import LapilliError, UnsupportedError

_STATELESS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_CELLS = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)
Cell = nn.RNNCell | nn.LSTMCell | nn.GRUCell


@dataclass(frozen=True)
class Operations:
    """Synaptic operations of one call of a layer, over its whole batch.

    Arguments:
        effective: pairs of a non-zero input and a non-zero weight.
        graded: those of them whose input is neither 1 nor -1: a multiplication, whatever else is in the batch.
        dense: all pairs, zeros too.
        accumulates: NeuroBench's class of the call: whether all inputs are 0, 1 or -1 ("ACs", otherwise "MACs").
    """

    effective: int
    graded: int
    dense: int
    accumulates: bool


def is_connection(module: nn.Module) -> bool:
    """Whether NeuroBench counts a module's operations, or it is a SLAYER synapse."""
    return isinstance(module, (*_STATELESS, nn.RNNBase, nn.RNNCellBase)) or is_slayer_synapse(module)


def is_slayer_synapse(module: nn.Module) -> bool:
    """Whether a module is a (real) synapse of SLAYER: a 3-D convolution over space and time with a quantising hook."""
    return isinstance(module, (nn.Conv3d, nn.ConvTranspose3d)) and hasattr(module, "_pre_hook_fx")


def connection_weights(module: nn.Module) -> list[torch.Tensor]:
    """What a connection multiplies by, as its forward pass uses it; of recurrent layers the biases too (NeuroBench)."""
    if isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        return list(module.parameters(recurse=False))
    return [_weight(module)]


@dataclass
class FanOuts:
    """Targets of each input position of one layer, counted when first asked for and again when the weight changes."""

    module: nn.Module
    _effective: dict[tuple[int, ...], torch.Tensor] = field(default_factory=dict)
    _dense: dict[tuple[int, ...], torch.Tensor] = field(default_factory=dict)
    _counted: tuple[torch.Tensor, int] | None = None

    def effective(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Non-zero connections of each position of an input of this shape: int64, `shape`."""
        stored: torch.Tensor = getattr(self.module, "weight")  # noqa: B009 (a Tensor for mypy)
        # Weight norm and pruning make a new tensor in each call; an optimiser's step moves the version on.
        if self._counted is None or self._counted[0] is not stored or self._counted[1] != stored._version:
            self._effective.clear()
            self._counted = (stored, stored._version)
        if shape not in self._effective:
            self._effective[shape] = _fan_out(self.module, _weight(self.module) != 0, shape)
        return self._effective[shape]

    def dense(self, shape: tuple[int, ...]) -> torch.Tensor:
        """All connections of each position within the borders: int64, `shape`."""
        if shape not in self._dense:
            every = torch.ones_like(_weight(self.module), dtype=torch.bool)
            self._dense[shape] = _fan_out(self.module, every, shape)
        return self._dense[shape]


def operations(name: str, fan_outs: FanOuts, arguments: Sequence[Any], named: Mapping[str, Any]) -> Operations:
    """Operations of one call of a layer called `name`, from the arguments of its `forward`.

    Raises:
        UnsupportedError: for a fused recurrent layer, whose states between the steps cannot be seen.
        LapilliError: for inputs that are not finite.
    """
    module = fan_outs.module
    inputs = arguments[0] if arguments else named["input"]
    where = f"{name or 'the module'} ({type(module).__name__})"
    if isinstance(module, _CELLS):
        return _of_cell(where, module, inputs, arguments[1] if len(arguments) > 1 else named.get("hx"))
    if isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        reason = "its states between the steps cannot be seen, so its operations are unknown; use a cell"
        raise UnsupportedError("neurobench", [f"{where}: {reason}"])
    return _of_stateless(where, fan_outs, inputs)


def refuse_not_finite(values: torch.Tensor, what: str) -> None:
    """Refuse to count what is no number.

    Raises:
        LapilliError: naming what holds it.
    """
    if not bool(torch.isfinite(values).all()):
        raise LapilliError(f"neurobench: {what}: NaN or infinity, which cannot be counted")


def _of_stateless(where: str, fan_outs: FanOuts, inputs: torch.Tensor) -> Operations:
    refuse_not_finite(inputs, f"{where}: inputs")
    rows = _as_rows(fan_outs.module, inputs)
    effective = fan_outs.effective(tuple(rows.shape[1:]))
    graded = _graded(rows)
    return Operations(
        effective=_meet(rows != 0, effective),
        graded=_meet(graded, effective),
        dense=len(rows) * int(fan_outs.dense(tuple(rows.shape[1:])).sum()),
        accumulates=not bool(graded.any()),
    )


def _of_cell(where: str, cell: Cell, inputs: torch.Tensor, states: Any) -> Operations:
    """States that are not given are zeros, as torch has them."""
    rows = inputs.reshape(-1, cell.input_size)
    given = states if isinstance(states, tuple) else (states,) * (1 + isinstance(cell, nn.LSTMCell))
    hidden, *memory = (
        rows.new_zeros(len(rows), cell.hidden_size) if state is None else state.reshape(-1, cell.hidden_size)
        for state in given
    )
    for values in (rows, hidden, *memory):
        refuse_not_finite(values, f"{where}: inputs and states")
    fan_in = torch.count_nonzero(cell.weight_ih, dim=0)
    fan_back = torch.count_nonzero(cell.weight_hh, dim=0)
    products = _state_products(cell, rows, hidden, memory)
    weights = cell.weight_ih.numel() + cell.weight_hh.numel()
    return Operations(
        effective=_meet(rows != 0, fan_in) + _meet(hidden != 0, fan_back) + products,
        graded=_meet(_graded(rows), fan_in) + _meet(_graded(hidden), fan_back) + products,
        dense=len(rows) * (weights + 3 * cell.hidden_size * (not isinstance(cell, nn.RNNCell))),
        # NeuroBench looks at the first argument only.
        accumulates=not bool(_graded(rows).any()),
    )


def _state_products(cell: Cell, rows: torch.Tensor, hidden: torch.Tensor, memory: list[torch.Tensor]) -> int:
    """Element-wise products of gates and states that are not zero; a gate is zero where nothing reaches it."""
    if isinstance(cell, nn.RNNCell):
        return 0
    into = _reaches(rows, cell.weight_ih, cell.bias_ih)
    back = _reaches(hidden, cell.weight_hh, cell.bias_hh)
    gates = 4 if isinstance(cell, nn.LSTMCell) else 3
    of_input, of_state = into.chunk(gates, dim=1), back.chunk(gates, dim=1)
    if isinstance(cell, nn.LSTMCell):
        write, forget, content, out = (one | other for one, other in zip(of_input, of_state))
        kept, written = forget & (memory[0] != 0), write & content
        return sum(int(torch.count_nonzero(product)) for product in (kept, written, out & (kept | written)))
    reset, update = (of_input[gate] | of_state[gate] for gate in (0, 1))
    recalled = reset & of_state[2]
    # 1 - z is never zero, as the update gate z is a sigmoid.
    written, kept = of_input[2] | recalled, update & (hidden != 0)
    return sum(int(torch.count_nonzero(product)) for product in (recalled, written, kept))


def _reaches(values: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Whether anything other than zero reaches each gate's sum, bias included: bool, (rows, gates)."""
    pairs = (values != 0).double() @ (weight != 0).double().T
    return (pairs != 0) if bias is None else (pairs != 0) | (bias != 0)


def _graded(values: torch.Tensor) -> torch.Tensor:
    return (values != 0) & (values.abs() != 1)


def _meet(events: torch.Tensor, fan_out: torch.Tensor) -> int:
    """Sum of the fan-outs of all events, (rows, positions…)."""
    return int((events.sum(dim=0) * fan_out).sum())


def _weight(module: nn.Module) -> torch.Tensor:
    """Weight of the forward pass: after weight norm and pruning, and after the quantising hook of SLAYER."""
    weight: torch.Tensor = getattr(module, "weight")  # noqa: B009 (a Tensor for mypy)
    hook = getattr(module, "_pre_hook_fx", None) if is_slayer_synapse(module) else None
    quantised: torch.Tensor = weight if hook is None else hook(weight)
    return quantised


def _as_rows(module: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Inputs of the single applications of a layer, (rows, positions…)."""
    if isinstance(module, nn.Linear):
        return inputs.reshape(-1, inputs.shape[-1])
    if is_slayer_synapse(module):
        # (samples, C, T) or (samples, C, H, W, T); kernels of SLAYER never reach over time.
        return inputs.movedim(-1, 1).flatten(0, 1).unsqueeze(-1)
    batched: int = len(getattr(module, "kernel_size")) + 2  # noqa: B009 (a tuple for mypy)
    return inputs if inputs.dim() == batched else inputs.unsqueeze(0)


def _fan_out(module: nn.Module, connected: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Connections of each input position: int64, `shape`.

    A convolution is linear: how often a position is used is the gradient of the summed outputs by the position, with
    ones for weights, whatever borders, strides and groups there are. Whole numbers in float64 on the CPU are exact.
    """
    if isinstance(module, nn.Linear):
        return connected.sum(dim=0)
    ones = torch.ones((1, *shape), dtype=torch.float64, requires_grad=True)
    with torch.set_grad_enabled(True):
        total = _applied(module, ones, connected.detach().to("cpu", torch.float64)).sum()
    (uses,) = torch.autograd.grad(total, ones)
    return uses[0].to(connected.device, torch.int64)


def _applied(module: nn.Module, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The layer's own forward pass with another weight and no bias; no hook runs."""
    layer: Any = module
    if not is_slayer_synapse(module):
        result: torch.Tensor = layer._conv_forward(inputs, weight, None)
        return result
    # Only its own forward knows how a synapse of SLAYER folds space and time, a pool's padding above all.
    geometry = {key: getattr(layer, key) for key in ("stride", "padding", "dilation", "groups", "output_padding")}
    stand_in = SimpleNamespace(weight=weight, bias=None, _pre_hook_fx=None, **geometry)
    of_synapse: torch.Tensor = type(layer).forward(stand_in, inputs)
    return of_synapse
