"""
``python -m ganetid.admin``.
"""

from ganetid.admin.main import main

main(prog_name="ganetid-admin")
