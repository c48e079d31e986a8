"""
A client of the block protocol for programs without a reactor.
"""
