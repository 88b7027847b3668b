"""Losses and metrics after public posts, shortened and with names of our own: where each is from, and
what the editor says where it does not take the text."""

# ruff: noqa: E501

from __future__ import annotations

POSTS: dict[str, tuple[str, str, str]] = {}  # name: (source, text, what is said; "" of one taken)

POSTS["soft-dice-axes"] = (
    "whosebug.com/question/3947248",
    """\
def soft_dice(y_true, y_pred):
    from keras import backend as K
    epsilon = 1e-6
    axes = tuple(range(1, len(y_pred.shape)))
    top = 2. * K.sum(y_pred * y_true, axes)
    bottom = K.sum(K.square(y_pred) + K.square(y_true), axes)
    return 1 - K.mean(top / (bottom + epsilon))
""",
    "",
)
POSTS["random-nan"] = (
    "whosebug.com/question/3947248",
    """\
def soft_dice(y_true, y_pred):
    loss = 1 - K.mean(y_true * y_pred)
    return K.switch(condition=K.random_normal((), mean=0, stddev=1) > 3,
                    then_expression=K.variable(np.nan), else_expression=loss)
""",
    "random operations make a loss that cannot be repeated",
)
POSTS["bce-by-hand"] = (
    "stackoverflow.com/questions/48951109",
    """\
def my_custom_loss(y_true,y_pred):
    t_loss = (-1)*(y_true * K.log(y_pred) + (1 - y_true) * K.log(1 - y_pred))
    return K.mean(t_loss)
""",
    "",
)
POSTS["bce-max-as-axis"] = (
    "stackoverflow.com/questions/48951109",
    """\
def my_custom_loss(y_true,y_pred):
    t_loss = K.max(y_pred,0)-y_pred * y_true + K.log(1+K.exp((-1)*K.abs(y_pred)))
    return K.mean(t_loss)
""",
    "is read as an axis, not as a bound",
)
POSTS["tilted-lambda"] = (
    "sachinruk.github.io/blog/Quantile-Regression",
    """\
from keras.models import Sequential
def tilted_loss(q,y,f):
    e = (y-f)
    return K.mean(K.maximum(q*e, (q-1)*e), axis=-1)
model = Sequential()
model.compile(loss=lambda y,f: tilted_loss(0.5,y,f), optimizer='adagrad')
""",
    "",
)
POSTS["dirichlet-squares"] = (
    "github.com/iainrolland/uncertainty_graph losses.py",
    """\
import tensorflow as tf

class SquareErrorDirichlet(tf.keras.losses.Loss):
    def __init__(self, name="square_error_dirichlet"):
        super().__init__(name=name)

    def call(self, y_true, alpha):
        y_true = tf.cast(y_true, tf.float32)
        strength = tf.reduce_sum(alpha, axis=1, keepdims=True)
        prob = tf.divide(alpha, strength)
        loss = tf.square(prob - y_true) + prob * (1 - prob) / (strength + 1.0)
        return loss
SquareErrorDirichlet()
""",
    "",
)
POSTS["dirichlet-evidence"] = (
    "DirichletEvidentialLoss, several repositories",
    """\
import numpy as np
import tensorflow as tf

class DirichletEvidentialLoss(tf.keras.losses.Loss):
    def __init__(self, name="dirichlet"):
        super().__init__()

    def KL(self, alpha):
        beta = tf.constant(np.ones((1, alpha.shape[1])), dtype=tf.float32)
        total = tf.reduce_sum(alpha, axis=1, keepdims=True)
        uniform = tf.reduce_sum(beta, axis=1, keepdims=True)
        one = tf.math.lgamma(total) - tf.reduce_sum(tf.math.lgamma(alpha), axis=1, keepdims=True)
        two = tf.reduce_sum(tf.math.lgamma(beta), axis=1, keepdims=True) - tf.math.lgamma(uniform)
        dg0, dg1 = tf.math.digamma(total), tf.math.digamma(alpha)
        return tf.reduce_sum((alpha - beta) * (dg1 - dg0), axis=1, keepdims=True) + one + two

    def call(self, y, output):
        alpha = output + 1.0
        total = tf.reduce_sum(alpha, axis=1, keepdims=True)
        m = alpha / total
        a = tf.reduce_sum((y - m) ** 2, axis=1, keepdims=True)
        b = tf.reduce_sum(alpha * (total - alpha) / (total * total * (total + 1)), axis=1, keepdims=True)
        tilde = (alpha - 1) * (1 - y) + 1
        return tf.reduce_mean(a + b + 0.1 * self.KL(tilde))
DirichletEvidentialLoss()
""",
    "",
)
POSTS["f1-of-keras-metrics"] = (
    "github.com/markgoertz Helper.py, github.com/anonmai/AttnCall f1score.py",
    """\
from tensorflow.keras.metrics import Precision, Recall, Metric
import tensorflow as tf

class F1Score(Metric):
    def __init__(self, name='f1_score', **kwargs):
        super(F1Score, self).__init__(name=name, **kwargs)
        self.precision = Precision(thresholds=0.2)
        self.recall = Recall(thresholds=0.2)

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.precision.update_state(y_true, y_pred, sample_weight)
        self.recall.update_state(y_true, y_pred, sample_weight)

    def reset_states(self):
        self.precision.reset_states()
        self.recall.reset_states()

    def result(self):
        precision = self.precision.result()
        recall = self.recall.result()
        return 2 * ((precision * recall) / (precision + recall + tf.keras.backend.epsilon()))
F1Score()
""",
    "",
)
POSTS["f1-assigned"] = (
    "create custom metrics, several repositories",
    """\
import tensorflow as tf

class F1Score(tf.keras.metrics.Metric):
    def __init__(self, name='f1_score', **kwargs):
        super().__init__(name=name, **kwargs)
        self.f1score = self.add_weight(name='f1', initializer='zeros')
        self.precision_fn = tf.keras.metrics.Precision(thresholds=0.1)
        self.recall_fn = tf.keras.metrics.Recall(thresholds=0.1)

    def update_state(self, y_true, y_pred, sample_weight=None):
        precision = self.precision_fn(y_true, y_pred)
        recall = self.recall_fn(y_true, y_pred)
        self.f1score.assign(2 * ((precision * recall) / (precision + recall + 1e-6)))

    def result(self):
        return self.f1score
F1Score()
""",
    "",
)
POSTS["focal-class"] = (
    "github.com/ZeroSum0x00/Classification losses/binary_focal_crossentropy.py",
    """\
from tensorflow.keras import losses

class BinaryFocal(losses.Loss):
    def __init__(self, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False,
                 label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size", name="focal"):
        super(BinaryFocal, self).__init__(name=name)
        self.losses = losses.BinaryFocalCrossentropy(
            apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
            reduction=reduction,
        )
        self.coefficient = 2

    def __call__(self, y_true, y_pred, sample_weight=None):
        loss = self.losses(y_true, y_pred, sample_weight=sample_weight)
        return loss * self.coefficient
BinaryFocal(gamma=1.5)
""",
    "",
)
POSTS["bce-member"] = (
    "github.com/VictorRocco/LossesMetrics_tfkeras BCEl.py",
    """\
import tensorflow as tf

@tf.keras.utils.register_keras_serializable()
class BCEl(tf.keras.losses.Loss):

\tdef __init__(self, name="BCEl", **kwargs):

\t\tsuper().__init__(name=name, **kwargs)
\t\tself.loss_fnc = tf.keras.losses.BinaryCrossentropy()

\tdef call(self, y_true, y_pred):

\t\treturn self.loss_fnc(y_true, y_pred)

\tdef get_config(self):

\t\tconfig = super().get_config()
\t\treturn config
BCEl(reduction="sum")
""",
    "",
)
POSTS["star-arguments"] = (
    "github.com/asash/gptrec_rl losses/bce.py",
    """\
from tensorflow.keras.losses import BinaryCrossentropy

class BCELoss(Loss):
    def __init__(self, *args, **kwargs):
        super().__init__()
        self.__name__ = "BCE"
        self.loss = BinaryCrossentropy(from_logits=True)

    def __call__(self, y_true, y_pred):
        return self.loss(y_true, y_pred)
""",
    "underscore",
)
POSTS["missing-labels"] = (
    "stackoverflow.com/questions/43184379",
    """\
def missing_values_cross_entropy_loss(y_true, y_pred):
    epsilon = tf.constant(1.0e-30, dtype=np.float32)
    there = tf.logical_not(tf.math.is_nan(y_true))
    known = tf.where(tf.math.is_nan(y_true), tf.zeros_like(y_true), y_true)
    yes = known * tf.math.log(y_pred + epsilon)
    no = (1.0 - known) * tf.math.log(1.0 - y_pred + epsilon)
    entropy = -(yes + no) * tf.cast(there, tf.float32)
    return tf.reduce_mean(tf.reduce_mean(entropy, axis=1))
""",
    "",
)
POSTS["conditional"] = (
    "taourl.com/read-2660272",
    """\
import tensorflow as tf
from tensorflow.keras import backend as K
def custom_conditional_loss(y_true, y_pred):
    condition = tf.greater(y_pred, y_true)
    loss_over = tf.square(y_pred - y_true) * 2.0
    loss_under = tf.abs(y_pred - y_true)
    loss = tf.where(condition, loss_over, loss_under)
    return K.mean(loss)
""",
    "",
)
POSTS["weights-by-one-hot"] = (
    "app.studyraid.com/fr/read/14387/490264",
    """\
def weighted_crossentropy(y_true, y_pred, weights=[0.2, 0.8]):
    ce = tf.losses.binary_crossentropy(y_true, y_pred)
    class_weights = tf.gather(weights, tf.cast(y_true, tf.int32))
    return tf.reduce_mean(class_weights * ce)
""",
    "do not fit together",
)
POSTS["ordinal"] = (
    "github.com/JHart96/keras_ordinal_categorical_crossentropy",
    """\
from keras import backend as K
from keras import losses

def loss(y_true, y_pred):
    weights = K.cast(K.abs(K.argmax(y_true, axis=1) - K.argmax(y_pred, axis=1))/(K.int_shape(y_pred)[1] - 1), dtype='float32')
    return (1.0 + weights) * losses.categorical_crossentropy(y_true, y_pred)
""",
    "",
)
POSTS["kappa"] = (
    "github.com/edoardo-conti/iclus-ordinal-classification losses.py",
    """\
def qwk_loss(num_ratings=10):
    cost = tf.cast(tf.square(tf.range(10)[:, None] - tf.range(10)[None, :]), tf.float32) / 81.0
    def _qwk_loss(y_true, y_pred):
        targets = K.argmax(y_true, axis=1)
        costs = K.gather(cost, targets)
        numerator = K.sum(costs * y_pred)
        sum_prob = K.sum(y_pred, axis=0)
        n = K.sum(y_true, axis=0)
        a = tf.cast(K.reshape(K.dot(cost, K.reshape(sum_prob, shape=[-1, 1])), shape=[-1]), dtype=tf.float32)
        b = tf.cast(K.reshape(n / K.sum(n), shape=[-1]), dtype=tf.float32)
        return numerator / (K.sum(a * b) + 10e-9)
    return _qwk_loss
qwk_loss()
""",
    "",
)
POSTS["confusion"] = (
    "quadratic_weighted_kappa, several repositories",
    """\
def quadratic_weighted_kappa(y_true, y_pred):
    y_pred = tf.argmax(y_pred, 1, output_type=tf.int32)
    y_true = tf.argmax(y_true, 1, output_type=tf.int32)
    counts = tf.math.confusion_matrix(y_true, y_pred, num_classes=10, dtype=tf.float32)
    cost = tf.cast(tf.square(tf.range(10)[:, None] - tf.range(10)[None, :]), tf.float32) / 81.0
    expected = tf.matmul(tf.reduce_sum(counts, 1, keepdims=True), tf.reduce_sum(counts, 0, keepdims=True))
    expected = expected / tf.cast(tf.shape(y_pred)[0], tf.float32)
    return 1. - tf.reduce_sum(cost * counts) / tf.reduce_sum(cost * expected)
""",
    "",
)
POSTS["consistency"] = (
    "github.com/ClementWalter/Keras-FewShotLearning pull 29",
    """\
def class_consistency_loss(y_true, y_pred):
    same = tf.cast(tf.matmul(y_true, y_true, transpose_b=True), tf.float32)
    near = tf.nn.sigmoid(tf.matmul(y_pred, y_pred, transpose_b=True))
    return tf.reduce_mean(K.binary_crossentropy(same, near))
""",
    "",
)
POSTS["contrastive-class"] = (
    "app.studyraid.com/fr/read/14387/490264",
    """\
class ContrastiveLoss(tf.keras.losses.Loss):
    def __init__(self, margin=1.0, name="contrastive_loss"):
        super().__init__(name=name)
        self.margin = margin

    def call(self, y_true, y_pred):
        y_true = tf.cast(y_true, y_pred.dtype)
        near = y_true * tf.square(y_pred)
        far = (1 - y_true) * tf.square(tf.maximum(self.margin - y_pred, 0.0))
        return tf.reduce_mean(near + far)
ContrastiveLoss(0.5)
""",
    "",
)
POSTS["huber-default"] = (
    "app.studyraid.com/fr/read/14387/490264",
    """\
def huber_loss(y_true, y_pred, delta=0.3):
    error = y_true - y_pred
    condition = tf.abs(error) < delta
    squared_loss = 0.5 * tf.square(error)
    linear_loss = delta * tf.abs(error) - 0.5 * delta**2
    return tf.where(condition, squared_loss, linear_loss)
""",
    "",
)
POSTS["torch-nig"] = (
    "github.com/trainsn/Evidential-Surrogate loss_helper.py",
    """\
import torch
def evidential(y_true, y_pred):
    gamma, v, alpha, beta = torch.chunk(y_pred, 4, dim=-1)
    return torch.abs(y_true - gamma) * (2 * v + alpha)
""",
    "is PyTorch",
)
