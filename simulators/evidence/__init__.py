"""Where a number comes from: commit, machine, seed and command beside it."""
