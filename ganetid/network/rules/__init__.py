"""The node's packet rules as values, and how they get into the kernel."""
