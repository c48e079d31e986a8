"""Our daemons judged by clients and servers of others."""
