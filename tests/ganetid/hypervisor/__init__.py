"""Tests of ganetid.hypervisor."""
