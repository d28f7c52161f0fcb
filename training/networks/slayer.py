"""SLAYER, imported without the notices that it prints (output of `lapilli --json` must stay JSON)."""

import contextlib
import io

with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    from lava.lib.dl import slayer

__all__ = ["slayer"]
