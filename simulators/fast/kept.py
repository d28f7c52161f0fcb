"""Programs of the networks that were run last, so that many runs of a network lower it once."""

import threading
import weakref

from lapilli.netx_exports.network import Network
from lapilli.simulators.fast.lowering import lower
from lapilli.simulators.fast.program import Lowered

_MOST = 8
"""Programs kept at most; each is a small multiple of a network's weights, and goes with its network."""

_LOCK = threading.RLock()
_PROGRAMS: dict[int, tuple["weakref.ref[Network]", Lowered]] = {}


def lowered(network: Network) -> Lowered:
    """The program of a network, which is frozen: lowered at the first call, the same one after that.

    Raises:
        UnsupportedError: as `lower`.
    """
    # By identity: to compare networks is to hash all their weights.
    number = id(network)
    with _LOCK:
        found = _PROGRAMS.pop(number, None)
        if found is None or found[0]() is not network:
            found = (weakref.ref(network, lambda _: _PROGRAMS.pop(number, None)), lower(network))
        _PROGRAMS[number] = found
        while len(_PROGRAMS) > _MOST:
            _PROGRAMS.pop(next(iter(_PROGRAMS)), None)
    return found[1]
