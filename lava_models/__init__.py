"""Lava Processes and graphs of them. Every module here is import-safe: Lava's compiler executes each one by path.

In order to find ProcessModels the compiler runs all files beside a Process, outside of their package. So: absolute
imports, no work at import time, no string annotations in dataclasses (the executed copy is not in `sys.modules`).
"""
