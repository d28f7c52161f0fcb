"""SpikeSCR's kernels on a GPU, compiled by Triton: no nvcc is needed. Only this package needs Triton."""
