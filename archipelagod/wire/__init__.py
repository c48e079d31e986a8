"""
The block protocol: frames, client and server.
"""
