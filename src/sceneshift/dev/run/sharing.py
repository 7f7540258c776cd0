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

    from sceneshift.dev.program import PythonProgram

# Of the interpreter, the loader, the C library, and of libraries that are native code:
# thread pools, allocators, TLS, databases, accelerators.
_READ_UNSEEN = re.compile(
    r"(PYTHON|LD_|DYLD_|LC_|LANG|TZ|NLS|GLIBC_|GCONV_|MALLOC_|JEMALLOC|TCMALLOC|MIMALLOC|"
    r"OMP_|GOMP_|KMP_|MKL_|OPENBLAS_|GOTO_|BLIS_|BLAS|VECLIB_|NUMEXPR_|ATLAS_|"
    r"OPENSSL_|SSL|RUST_|RAYON_|TOKIO_|POLARS_|ARROW_|GRPC_|UV_|ASAN_|"
    r"CUDA|NVIDIA|HIP_|ROCR_|XLA_|TF_|TORCH_|PYTORCH_|ORACLE_|ODBC|GDAL_|PROJ_|"
    r"COVERAGE_|COV_|SETUPTOOLS_|VIRTUAL_ENV|HOME$|PATH$)"
)


def is_alike(born: PythonProgram, wanted: PythonProgram) -> bool:
    """Tell whether two programs are one, but for arguments and environment."""
    known = replace(born, argv=wanted.argv, typed=wanted.typed, env=wanted.env)
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
    return not any(name in reads or _READ_UNSEEN.match(name) for name in names)
