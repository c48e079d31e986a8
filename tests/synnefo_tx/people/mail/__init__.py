"""
Letters: the queue, those who send, and real mail servers.
"""
