"""
Our NBD server beside others, and under programs that no one here wrote.
"""
