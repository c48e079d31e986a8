"""The halves of a daemon: what every node does, and what only the master does."""
