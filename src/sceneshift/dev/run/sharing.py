"""Whether a zygote that was made in one environment may fork for another.

What its imports have read of the environment is known; what native code and the
interpreter itself read when they are loaded is not, but goes by known names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sceneshift.core.program import PythonProgram

# Of the interpreter, the loader, the C library, and of libraries that are native code:
# thread pools, allocators, TLS, databases, images, accelerators. Not the names by which
# applications know services (LANGFUSE_HOST, NVIDIA_API_KEY, SSL_REDIRECT, ATLAS_URI):
# those are what is another in each environment.
_READ_UNSEEN = re.compile(
    r"PYTHON|LD_|DYLD_|LC_|LANG$|LANGUAGE$|TZ$|TZDIR$|NLS_|NLSPATH$|GLIBC_|GCONV_|"
    r"MALLOC_|JEMALLOC|TCMALLOC|MIMALLOC|OMP_|GOMP_|KMP_|MKL_|OPENBLAS_|GOTO_|BLIS_|"
    r"BLAS|VECLIB_|NUMEXPR_|NPY_|OPENSSL_|SSL_CERT_|SSLKEYLOGFILE$|RUST_|RAYON_|TOKIO_|"
    r"POLARS_|ARROW_|GRPC_|UV_|ASAN_|CUDA|NCCL_|NVIDIA_(DRIVER|TF32|VISIBLE)|HIP_|ROCR_|"
    r"XLA_|TF_(?!VAR_)|TORCH_|PYTORCH_|ORACLE_(BASE|HOME)$|ODBC(SYS|INST)?INI$|GDAL_|"
    r"PROJ_|HDF5_|OPENCV_|COVERAGE_|COV_CORE_|SETUPTOOLS_|VIRTUAL_ENV|HOME$|PATH$"
)
# What a process is told of another one that bears such a name: `grpc`, `torch`.
_ADDRESS = re.compile(r"\w+_(HOST|PORT|URL)$")


def is_alike(born: PythonProgram, wanted: PythonProgram) -> bool:
    """Tell whether two programs are one, but for arguments and environment."""
    known = replace(born, argv=wanted.argv, typed=wanted.typed, env=wanted.env)
    if born.debug_port and wanted.debug_port:  # it is told when it is begun
        known = replace(known, debug_port=wanted.debug_port)
    return known == wanted


def find_changes(
    old: Mapping[str, str], new: Mapping[str, str]
) -> dict[str, str | None]:
    """Return the variables that are others, None for those that are gone."""
    gone: dict[str, str | None] = dict.fromkeys(old.keys() - new.keys())
    return gone | {name: new[name] for name in new if old.get(name) != new[name]}


def may_change(names: Collection[str], reads: Collection[str] | None) -> bool:
    """Tell whether variables may be others after the imports.

    Args:
        names: Those that would be.
        reads: Those that the imports have read; None means all.
    """
    if not names:
        return True
    if reads is None:
        return False
    return not any(name in reads or _is_read_unseen(name) for name in names)


def _is_read_unseen(name: str) -> bool:
    return _READ_UNSEEN.match(name) is not None and _ADDRESS.match(name) is None
