"""How class centres move (Wen et al., "A discriminative feature learning approach for deep face
recognition", ECCV 2016): by their own rule after each step, not by the gradient."""

from __future__ import annotations

from .loss_info import Tensor, ops


def moved(centers: Tensor, features: Tensor, labels: Tensor, alpha: Tensor) -> Tensor:
    """The centres (C, D) after features (B, D) with labels (B,): equation 4 of the paper,

        dc_j = sum_{i: y_i = j} (c_j - x_i) / (1 + n_j),    c_j <- c_j - alpha dc_j,

    with n_j samples of class j in the batch. A class that is absent keeps its centre; with
    `alpha` 0 all do. `alpha` is a scalar from 0 to 1.
    """
    centers = ops.convert_to_tensor(centers, dtype="float32")
    classes = centers.shape[0]
    members = ops.one_hot(ops.cast(labels, "int32"), classes, dtype="float32")  # (B, C)
    count = ops.sum(members, axis=0)[:, None]
    total = ops.matmul(ops.transpose(members), ops.cast(features, "float32"))
    return centers - alpha * (count * centers - total) / (1 + count)
