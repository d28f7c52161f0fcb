"""What the last releases of Lava and lava-dl need on the Python, numpy and machines of today.

lava-nc 0.10.0 and lava-dl 0.6.0 were made for Python 3.10 and numpy 1, and will not be released again. `import lapilli`
puts a finder in front of the import system. It acts on the modules of Lava that are named below and on no others, and
only where the remedy is needed:

| module | obstacle | remedy |
|---|---|---|
| `lava.magma.compiler.var_model` | defaults that Python refuses since 3.11 | `dataclass_defaults` |
| `lava.lib.dl.slayer.object_detection` | it needs OpenCV and torchvision | `object_detection` |
| `lava.lib.dl.slayer.synapse.layer` | torch warns of a function that it calls | `weight_norm` |
| `lava.proc.conv.utils` | numpy 2 adds numbers of 8 bits in 8 bits | `conv_geometry` |

`lava_models/stock.py` has one more: lava-dl's NetX reads the texts of numpy's numbers, which numpy 2 writes otherwise.

What a program imported of Lava before lapilli is left as it is.
"""

import sys

from lapilli.remedies.finder import LavaFinder


def install() -> None:
    """Put the finder in front of the import system, once."""
    if not any(isinstance(finder, LavaFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, LavaFinder())
