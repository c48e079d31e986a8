"""Tests of the replicated journal and of master failover."""
