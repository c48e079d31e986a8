"""The cluster's configuration: instances, networks, tags, and the one node."""
