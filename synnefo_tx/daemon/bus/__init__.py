"""How facts travel between daemons: the promise, and its in-process implementation."""
