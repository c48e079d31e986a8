"""
Tells twistd of archipelagod.
"""

from twisted.application.service import ServiceMaker

archipelagod = ServiceMaker(
    "archipelagod", "archipelagod.tap", "The storage daemon of synnefo-tx.", "archipelagod"
)
