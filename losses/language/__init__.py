"""The loss language: a subset of Python's grammar, read into a graph of our own.

Up to `program.analyse` nothing is computed; `emit` and `probe` do that, with Keras.
"""
