"""Decorators of kernels: compiled by numba, kept on disk, and compiled anew when a source that they reach has changed.

numba's own disk cache looks only at the file of the function that is called from outside. With it, kernels of many
files would run on as they were before an edit. Here the cache looks at the file of every function that the called one
reaches, and at the constants that they take from elsewhere.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from pickle import UnpicklingError
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from lapilli.netx_exports.errors import LapilliError

try:
    import numba
    import numba.extending
except ValueError as error:
    # Of NUMBA_NUM_THREADS=0 it raises this while it is imported.
    raise LapilliError(f"numba cannot start: {error} Look at the environment's variables NUMBA_*") from error

try:
    # Private to numba. Where it is not as expected, nothing is kept on disk: kernels start slowly, but are right.
    from numba.core import caching

    FunctionCache: Any = caching.FunctionCache
    _KEEPS = hasattr(FunctionCache, "_index_key") and (
        caching.IndexDataCacheFile("", "", b"stamp")._source_stamp == b"stamp"  # type: ignore[no-untyped-call]
    )
except (ImportError, AttributeError, TypeError):
    FunctionCache, _KEEPS = object, False

_UNREADABLE = (AttributeError, EOFError, ImportError, OSError, UnpicklingError, ValueError)
"""What numba raises of a file that another version, another process or a full disk left."""

_CONSTANTS = (bool, int, float, complex, str, bytes, np.generic, np.dtype, type(None))


def compiled(function: Any) -> Any:
    """Compile a function that is called from Python, or is large; it runs without the interpreter's lock.

    It must allocate nothing. numba then leaves out its runtime, and with it the counting of references to arrays, which
    costs more than the arithmetic of a step: 0.7 instead of 2.4 µs for an idle step of 700-256r-20.
    """
    return _kept(numba.njit(nogil=True, _nrt=False)(function))  # type: ignore[call-overload]


def spliced(function: Any) -> Any:
    """As `compiled`, but into the body of each function that calls it."""
    return _kept(numba.njit(nogil=True, _nrt=False, forceinline=True)(function))  # type: ignore[call-overload]


def inlined(function: Any) -> Any:
    """As `spliced`, but put in place of the call before anything is compiled, and never compiled alone.

    It spares compiling time where a whole program is handed on, and is the only way that closures can be part of what
    is kept on disk.
    """
    return _kept(numba.njit(nogil=True, _nrt=False, inline="always")(function))  # type: ignore[call-overload]


def intrinsic(function: Any = None, /, *, prefer_literal: bool = False) -> Any:
    """`numba.extending.intrinsic`, for vector code that numba has no words for.

    numba's types miss the argument that it adds; hence no types here.
    """
    if function is None:
        return partial(intrinsic, prefer_literal=prefer_literal)
    text_hash(function.__code__.co_filename)
    return numba.extending.intrinsic(prefer_literal=prefer_literal)(function)


class _NotCompiled:
    """Stands for a kernel where the environment switches numba off: Python itself cannot run it."""

    def __init__(self, function: Any) -> None:
        self.py_func = self.__wrapped__ = function

    def __call__(self, *arguments: Any) -> Any:
        """Refuse the call."""
        raise LapilliError("NUMBA_DISABLE_JIT is set in the environment, and lapilli's kernels need numba's compiler")

    compile = __call__


def _kept(dispatcher: Any) -> Any:
    """The same function, kept on disk."""
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return _NotCompiled(dispatcher)
    if _KEEPS and hasattr(dispatcher, "_cache"):  # it is not there where numba is switched off
        # Read now, because what will be compiled is what was imported, whatever the file says by then.
        text_hash(dispatcher.py_func.__code__.co_filename)
        if not dispatcher.py_func.__closure__:  # numba would name closures anew in every process
            # numba finds no place that it may write to: the function is compiled in every process.
            with suppress(RuntimeError):
                dispatcher._cache = _SourcesCache(dispatcher.py_func)
    return dispatcher


def kept_in() -> str:
    """Where compiled kernels are kept; "" where nothing can be written and they are compiled in every process."""
    try:
        found = _SourcesCache(kept_in).cache_path if _KEEPS else ""
    except RuntimeError:
        return ""
    return str(found)


class _SourcesCache(FunctionCache):  # type: ignore[misc]
    """numba's cache of one function, fresh only while all sources that the function reaches are what they were."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """As numba's."""
        self._stamp()
        try:
            return super().load_overload(sig, target_context)
        except _UNREADABLE:
            # What an older version left names a class that is gone; what a full disk left is cut off.
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """As numba's."""
        self._stamp()
        # A kernel that cannot be kept runs all the same.
        with suppress(OSError):
            super().save_overload(sig, data)

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        # Of a named tuple numba's key has the class by name only, not which field stands where.
        return (*super()._index_key(sig, codegen), tuple(fields_of(sig)))

    def _stamp(self) -> None:
        # Not before the first call, because a function may call those that stand below it.
        self._cache_file._source_stamp = sources_hash(self._py_func)


def fields_of(types: Iterable[Any]) -> Iterator[tuple[str, ...]]:
    """Names of the fields of all named tuples among numba's types, and within them, in their order."""
    for one in types:
        if isinstance(one, numba.types.BaseNamedTuple):
            yield tuple(getattr(one, "fields"))  # noqa: B009
        yield from fields_of(getattr(one, "types", ()))


@cache
def sources_hash(function: FunctionType) -> str:
    """Hash of the files, and of the constants from elsewhere, that a function reaches within its own package."""
    package = function.__module__.partition(".")[0]
    facts: set[str] = set()
    seen: set[FunctionType] = set()
    waiting: list[tuple[str, Any]] = [("", function)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, _CONSTANTS):
            facts.add(f"{name} = {value!r}")
        elif isinstance(value, tuple | list):
            waiting += [(f"{name}[{index}]", part) for index, part in enumerate(value)]
        else:
            # Of a compiled function or an intrinsic: the one that was decorated.
            found = getattr(value, "__wrapped__", value)
            if isinstance(found, FunctionType) and found.__module__.partition(".")[0] == package and found not in seen:
                seen.add(found)
                facts.add(text_hash(found.__code__.co_filename))
                waiting += _values(found)
    return hashlib.sha256("\n".join(sorted(facts)).encode()).hexdigest()


def _values(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """What the names in a function's body mean outside of it, each under a name of its own."""
    where = f"{function.__module__}.{function.__qualname__}"
    names = sorted(set(_names(function.__code__)))
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        yield f"{where}.{name}", cell.cell_contents
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            yield from ((f"{where}.{name}.{part}", getattr(value, part)) for part in names if hasattr(value, part))
        elif name in function.__globals__:
            yield f"{where}.{name}", value


def _names(code: CodeType) -> Iterator[str]:
    """All names in a function's body, and in the functions within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


@cache
def text_hash(path: str) -> str:
    """Hash of a file as it was at the first call."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""
