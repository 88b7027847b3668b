"""Public posts on training problems, replayed as runs: where they stand, and what their answers say
was the cause. None of them was looked at while the causes' limits were found by trying."""

from tests.playground.verdicts.cases import CIFAR, MNIST, PAIRS, Case

POSTS: tuple[tuple[str, Case], ...] = (
    (
        "github.com/xiaolonw/caffe-video_triplet/issues/8",
        Case(
            "triplet loss equals its margin",
            ("collapse",),
            {
                "loss": "margin = 0.5  # 0..2\nnear = sum(square(features - partner_features), "
                "axis=-1)\nfar = sum(square(features - negative_features), axis=-1)\n"
                "maximum(near - far + margin, 0)",
                "learning_rate": 0.1,
            },
        ),
    ),
    (
        "github.com/keras-team/keras/issues/4066",
        Case("CIFAR-10 predicts one class", ("large rate",), {"learning_rate": 0.03}, CIFAR),
    ),
    (
        "github.com/jakeret/tf_unet/issues/15",
        Case(
            "Dice of logits",
            ("unbounded",),
            {"loss": "1 - 2 * sum(y_true * logits) / (sum(y_true) + sum(logits) + 1e-5)"},
        ),
    ),
    (
        "github.com/IAmSuyogJadhav/3d-mri-brain-tumor-segmentation-using-autoencoder-"
        "regularization/issues/7",
        Case(
            "Dice without its minus",
            ("wrong sign",),
            {
                "loss": "2 * sum(abs(y_true * y_pred), axis=-1) / (sum(square(y_true), axis=-1)"
                " + sum(square(y_pred), axis=-1) + 1e-8)"
            },
        ),
    ),
    (
        "github.com/keras-team/keras/issues/4175",
        Case(
            "K.round in a loss",
            ("no gradient",),
            {"loss": "K.mean(K.square(y_true - K.round(y_pred)), axis=-1)"},
        ),
    ),
    (
        "github.com/zzh8829/yolov3-tf2/issues/91",
        Case(
            "binary cross-entropy of class numbers",
            ("wrong optimum",),
            {
                "loss": "y = reshape(cast(labels, 'float32'), (-1, 1))\n"
                "mean(-(y * log(y_pred) + (1 - y) * log(1 - y_pred)), axis=-1)"
            },
        ),
    ),
    (
        "github.com/jaehong31/CGES/issues/1",
        Case(
            "softmax twice",
            ("softmax twice", ""),
            {
                "loss": "tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)",
                "optimizer": "sgd",
                "learning_rate": 0.1,
            },
        ),
    ),
    (
        "datascience.stackexchange.com/questions/39929",
        Case(
            "pixels not divided by 255",
            ("pixels",),
            {"normalise": "raw", "optimizer": "sgd", "learning_rate": 0.01},
            MNIST,
        ),
    ),
    (
        "datascience.stackexchange.com/questions/19283",
        Case("only the commonest class is said", ("imbalance",), {"imbalance": 50.0, "epochs": 6}),
    ),
    (
        "github.com/keras-team/keras/issues/4980",
        Case(
            "contrastive loss with the pairs swapped",
            ("swapped pairs",),
            {"loss": PAIRS + "(1 - same) * square(d) + same * square(maximum(1 - d, 0))"},
        ),
    ),
)
