"""Operating systems of instances: Ganeti's OS interface, and images with cloud-init."""
