"""The training loop, what it evaluates between steps, and the events that it emits."""
