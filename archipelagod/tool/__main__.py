"""
``python -m archipelagod.tool``.
"""

from archipelagod.tool.main import main

main(prog_name="archipelago")
