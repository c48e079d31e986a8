"""The `openstack` command itself as judge of our APIs."""
