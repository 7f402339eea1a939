"""Compile native/*.pyx. Everything else about the package is in pyproject.toml."""

import os
import shutil
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

ROOT = Path(__file__).parent
DEBUG = os.environ.get("VAFA_DEBUG") == "1"

# The plain fold is one loop of many small functions, compiled three times over constants that
# only reach them when all are inlined. The general one is too much code for that.
# Its own loops are over a few items of a basket: a call of memset or memcpy costs more.
FLAGS = {
    "plain": [
        "-DCYTHON_INLINE=__attribute__((always_inline)) inline",
        "-fno-tree-loop-distribute-patterns",
    ],
    "general": ["-O2"],
}


def stage_pxd() -> str:
    """Copy native/*.pxd to build/cimport/vafa/native and return build/cimport.

    cimport looks for vafa/native/state.pxd on disk; Cython does not read
    setuptools' package-dir.
    """
    stage = ROOT / "build" / "cimport"
    target = stage / "vafa" / "native"
    shutil.rmtree(stage, ignore_errors=True)
    target.mkdir(parents=True)
    # Marks a regular package; otherwise a copy installed in site-packages wins.
    (target / "__init__.pxd").touch()
    for pxd in (ROOT / "native").glob("*.pxd"):
        shutil.copy2(pxd, target)  # keeps mtime, so unchanged files do not recompile
    return str(stage)


extensions = [
    Extension(
        f"vafa.native.{pyx.stem}",
        [f"native/{pyx.name}"],
        include_dirs=[numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        extra_compile_args=["-O0", "-g"] if DEBUG else ["-O3", *FLAGS.get(pyx.stem, [])],
    )
    for pyx in sorted((ROOT / "native").glob("*.pyx"))
]

setup(
    ext_modules=cythonize(
        extensions,
        include_path=[stage_pxd()],
        build_dir="build/cython",
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": DEBUG,
        },
    ),
    # Link tree on sys.path instead of an import hook: type checkers can follow it.
    options={"editable_wheel": {"mode": "strict"}},
)
