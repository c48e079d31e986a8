"""
What twistd can run of the cloud's own processes.
"""

from twisted.application.service import ServiceMaker

synnefo = ServiceMaker(
    "synnefo",
    "synnefo_tx.processes.all_in_one_tap",
    "The whole cloud on one machine.",
    "synnefo",
)
synnefo_api = ServiceMaker(
    "synnefo-api", "synnefo_tx.processes.api_tap", "The cloud's HTTP services.", "synnefo-api"
)
synnefo_dispatcher = ServiceMaker(
    "synnefo-dispatcher",
    "synnefo_tx.processes.dispatcher_tap",
    "News from the clusters into the cloud's database.",
    "synnefo-dispatcher",
)
