"""The loss language: a subset of Python's grammar, read into a graph of our own.

Everything up to `program.analyse` is pure Python; `emit` and `probe` compute with Keras.
"""
