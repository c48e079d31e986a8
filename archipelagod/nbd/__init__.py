"""
The NBD protocol: negotiation, and the requests that follow it.
"""
