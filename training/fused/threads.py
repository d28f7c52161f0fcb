"""The samples of a batch, divided among threads."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any

import torch


def over_samples(n_samples: int, work: Callable[[int, int, int], Any], at_once: int = 1) -> list[Any]:
    """`work(part, first, last)` for parts of the samples, on as many threads as torch may use.

    `work` must not call torch: each of its threads would get threads of its own. Parts are multiples of `at_once`.
    """
    groups = (n_samples + at_once - 1) // at_once
    parts = max(1, min(torch.get_num_threads(), groups))
    edges = [min(n_samples, groups * part // parts * at_once) for part in range(parts + 1)]
    if parts == 1:
        return [work(0, 0, n_samples)]
    others = [_pool(parts - 1).submit(work, part, edges[part], edges[part + 1]) for part in range(1, parts)]
    first = work(0, 0, edges[1])
    return [first, *(other.result() for other in others)]


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Kept from call to call: starting threads takes longer than a small layer."""
    return ThreadPoolExecutor(threads, "lapilli", partial(torch.set_flush_denormal, True))


# A process that is forked has none of the threads.
os.register_at_fork(after_in_child=_pool.cache_clear)
