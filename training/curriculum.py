"""Recipe: KDCL, a chain of the same network at wider and wider time bins, each stage taught by the one before.

Source: SpikeSCR with KDCL (arXiv 2412.12858), section 4 of the notes: the first stage is trained from scratch at the
narrowest bins; every further one inherits all weights of the stage before and learns from its scores on the same
recordings. Beside the chain stand the controls: the same network from scratch at each bin width, and with inherited
weights but without a teacher.

    from training.curriculum import curriculum

Every stage is a run of `training.surrogate_gradient` in a folder of its own. A chain that was stopped anywhere goes on
there, and ends with the same weights as one that was not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from netx_exports import load
from netx_exports.errors import LapilliError
from simulators.bill import estimate_label
from training.inheritance import Inherited
from training.methods import KdclConfig, MethodConfig
from training.networks import DEFAULT_NETWORK, NetworkConfig
from training.optimisation import LossConfig, OptimizerConfig
from training.run_folder import RunFolder
from training.study import resumed, row_of
from training.surrogate_gradient import DEFAULT_METHOD
from training.tasks import DataConfig
