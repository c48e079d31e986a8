"""
What twistd can run of the cluster layer.
"""

from twisted.application.service import ServiceMaker

ganetid = ServiceMaker("ganetid", "ganetid.tap", "The cluster daemon of synnefo-tx.", "ganetid")
