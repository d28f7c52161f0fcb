"""Names of temporary files as processes leave them that were killed while they wrote."""

import os
import re
import subprocess
import sys
from pathlib import Path

from lapilli.netx_exports.files import part_prefix


def left_by_a_dead_process(target: Path) -> Path:
    """Where a process of this machine that is no more wrote what was to become `target`."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    prefix = re.sub(rf"-{os.getpid()}\.$", f"-{dead.pid}.", part_prefix(target.name))
    return target.parent / f"{prefix}x1y2.part"
