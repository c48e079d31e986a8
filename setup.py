"""
The one part that is compiled, and may be missing: see docs/adr/0010-loop-in-c.md.  Everything else
is in setup.cfg.
"""

from pathlib import Path

from setuptools import Extension, setup

HOME = "archipelagod/datapath"

setup(
    ext_modules=[
        Extension(
            "archipelagod.datapath._fast",
            [f"{HOME}/_fast.c", *sorted(map(str, Path(HOME).glob("c/*.c")))],
            depends=sorted(map(str, Path(HOME).glob("c/*.h"))),
            extra_compile_args=["-O2", "-std=gnu11", "-Wall", "-Wextra", "-fvisibility=hidden"],
            optional=True,  # without a compiler the loop in Python does the same
        )
    ]
)
