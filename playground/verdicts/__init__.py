"""What recorded curves say of a run, in words: how well it fits (`fit`), whether it has collapsed
(`collapse`), stays at chance (`chance`), or whether the terms of its loss are in conflict
(`conflict`). Plain NumPy on what the store has, so that the server uses it; no TensorFlow."""
