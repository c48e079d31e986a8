"""The node's networking."""
