"""
What twistd can run of guests' consoles.
"""

from twisted.application.service import ServiceMaker

ganetid_console = ServiceMaker(
    "ganetid-console",
    "ganetid.console.tap",
    "The console proxy of synnefo-tx.",
    "ganetid-console",
)
