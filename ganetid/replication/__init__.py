"""The journal on more than one machine: shipped to master candidates before it is acknowledged."""
