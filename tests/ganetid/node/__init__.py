"""Tests of nodes and of node RPC."""
