"""
The one part that is compiled, and may be missing: see docs/adr/0010-loop-in-c.md.  Everything else
is in setup.cfg.
"""

from setuptools import Extension, setup

HOME = "archipelagod/datapath"

setup(
    ext_modules=[
        Extension(
            "archipelagod.datapath._fast",
            [
                f"{HOME}/_fast.c",
                *(f"{HOME}/c/{name}.c" for name in ("table", "loop", "nbd", "frames")),
            ],
            depends=[f"{HOME}/c/table.h", f"{HOME}/c/loop.h"],
            extra_compile_args=["-O2", "-std=gnu11", "-Wall", "-Wextra", "-fvisibility=hidden"],
            optional=True,  # without a compiler the loop in Python does the same
        )
    ]
)
