"""What the blocks run on a GPU: products of torch, and neurons on Triton's kernels.

Only `kernels.py` and what launches it (`launches.py`, `forward.py`, `backward.py`, `function.py`) need Triton.
"""
