"""Node RPC: HTTPS between the daemons of a cluster, each known by its certificate."""
