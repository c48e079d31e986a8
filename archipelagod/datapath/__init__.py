"""
The processes and threads that answer NBD requests.
"""
