"""
Every action of servers, by the key of its body.  Each file beside this has some.
"""

from synnefo_tx.compute.api.action import ActionOf
from synnefo_tx.http.parts import merged

ACTIONS: dict[str, ActionOf] = merged(__name__, "ACTIONS")
