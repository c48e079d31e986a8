"""
The storage daemon: volumes, snapshots and clones over a pool of objects, served over NBD and the
block protocol.
"""
