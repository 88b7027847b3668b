"""Partners inside a batch, for losses of pairs and triplets: each sample's positive and negative.

The batch is shuffled, so a fixed rule of places draws random partners without a draw of its own.
"""

from typing import Any

import tensorflow as tf

NEAR = 8  # places after a sample in which a sample of another class is looked for first


def positives(labels: Any) -> Any:
    """For each of labels (B,), the place of the next sample of its class, the last one's being the
    first: (B,) int32. A sample alone in its class is its own."""
    order = tf.argsort(labels, stable=True)
    ordered = tf.gather(labels, order)
    after = tf.searchsorted(ordered, ordered, side="right", out_type=tf.int32)
    first = tf.searchsorted(ordered, ordered, side="left", out_type=tf.int32)
    place = tf.range(tf.size(labels))
    following = tf.where(place + 1 < after, place + 1, first)
    return tf.scatter_nd(order[:, None], tf.gather(order, following), tf.shape(labels))


def negatives(labels: Any) -> Any:
    """For each of labels (B,), the place of a sample of another class, soon after it: (B,) int32.
    In a batch of one class, some sample."""
    size = tf.size(labels)
    order = tf.argsort(labels, stable=True)
    ordered = tf.gather(labels, order)
    after = tf.searchsorted(ordered, labels, side="right", out_type=tf.int32)
    found = tf.gather(order, after % size)  # the first of the next class, if none is near
    for offset in range(NEAR, 0, -1):
        near = (tf.range(size) + offset) % size
        found = tf.where(tf.gather(labels, near) != labels, near, found)
    return found


def partners(labels: Any) -> Any:
    """Pairs to tell apart: a positive for each even place, a negative for each odd, (B,) int32."""
    even = tf.range(tf.size(labels)) % 2 == 0
    return tf.where(even, positives(labels), negatives(labels))
