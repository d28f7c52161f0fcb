"""A plain NetX file as the graph that lava-dl itself makes of it."""

from collections.abc import Sequence

import numpy as np
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess

from lapilli.lava_models.graph import GRADED_BITS
from lapilli.lava_models.neurons.kinds import LayerReset


def load_stock(
    path: str, source: OutPort, layers: Sequence[str], reset: LayerReset | None, graded_input: bool
) -> dict[str, AbstractProcess]:
    """Load a file with `lava.lib.dl.netx.hdf5.Network` and feed it from `source`.

    Arguments:
        path: a NetX file that stock lava-dl runs rightly.
        source: port that sends the input, flat in (C, H, W) order.
        layers: names for the file's layers, in order.
        reset: periodic reset of the first layer; NetX resets each next one a step later. None: no reset.
        graded_input: whether input events carry values.

    Returns:
        The neuron Process of each layer, by name; those of convolutions are (W, H, C).
    """
    # Here, because Lava's compiler executes this file, and lava-dl brings torch, which makes every fork much slower.
    from lava.lib.dl.netx.blocks.process import Input
    from lava.lib.dl.netx.hdf5 import Network as NetxNetwork

    # NetX reads the texts of numpy's numbers back as Python; numpy 2 writes "np.int64(3)" where numpy 1 wrote "3".
    with np.printoptions(legacy="1.21"):
        network = NetxNetwork(
            net_config=path,
            input_message_bits=GRADED_BITS if graded_input else 0,
            reset_interval=None if reset is None else reset.interval,
            # NetX counts steps from 0 here.
            reset_offset=0 if reset is None else (reset.offset - 1) % reset.interval,
        )
    network.net_config.f.close()  # NetX leaves it open
    first = network.in_layer
    # An input block's `inp` port leads nowhere: its neurons are fed directly.
    entry = first.neuron.a_in if isinstance(first, Input) else network.inp
    sender = source if len(entry.shape) == 1 else source.reshape(entry.shape[::-1]).transpose([2, 1, 0])
    sender.connect(entry)
    return {name: layer.neuron for name, layer in zip(layers, network.layers, strict=True)}
