"""The training loop, its probes and the events they emit."""
