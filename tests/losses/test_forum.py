"""Losses as they stand in forums, notebooks and answers, pasted as they are."""

# ruff: noqa: E501

import numpy as np
import pytest
import reference

import losses

B = reference.batch()
Y, P = B["y_true"].astype("float64"), B["y_pred"].astype("float64")
PT = (Y * P).sum(-1)

PASTED: dict[str, str] = {}
PASTED["dice"] = """\
def dice_coef(y_true, y_pred, smooth=1):
    y_true_f = K.flatten(y_true)
    y_pred_f = K.flatten(y_pred)
    intersection = K.sum(y_true_f * y_pred_f)
    return (2. * intersection + smooth) / (K.sum(y_true_f) + K.sum(y_pred_f) + smooth)

def dice_coef_loss(y_true, y_pred):
    return 1 - dice_coef(y_true, y_pred)
"""
PASTED["bce_dice"] = """\
from keras.losses import binary_crossentropy
import keras.backend as K

def dice_loss(y_true, y_pred):
    smooth = 1.
    y_true_f = K.flatten(y_true)
    y_pred_f = K.flatten(y_pred)
    intersection = y_true_f * y_pred_f
    score = (2. * K.sum(intersection) + smooth) / (K.sum(y_true_f) + K.sum(y_pred_f) + smooth)
    return 1. - score

def bce_dice_loss(y_true, y_pred):
    return binary_crossentropy(y_true, y_pred) + dice_loss(y_true, y_pred)
"""
PASTED["tversky"] = """\
def tversky(y_true, y_pred, smooth=1, alpha=0.7):
    y_true_pos = K.flatten(y_true)
    y_pred_pos = K.flatten(y_pred)
    true_pos = K.sum(y_true_pos * y_pred_pos)
    false_neg = K.sum(y_true_pos * (1 - y_pred_pos))
    false_pos = K.sum((1 - y_true_pos) * y_pred_pos)
    return (true_pos + smooth) / (true_pos + alpha * false_neg + (1 - alpha) * false_pos + smooth)

def tversky_loss(y_true, y_pred):
    return 1 - tversky(y_true, y_pred)

def focal_tversky_loss(y_true, y_pred, gamma=0.75):
    tv = tversky(y_true, y_pred)
    return K.pow((1 - tv), gamma)
"""
PASTED["focal_mkocabas"] = """\
from keras import backend as K
import tensorflow as tf

def focal_loss(gamma=2., alpha=.25):
    def focal_loss_fixed(y_true, y_pred):
        pt_1 = tf.where(tf.equal(y_true, 1), y_pred, tf.ones_like(y_pred))
        pt_0 = tf.where(tf.equal(y_true, 0), y_pred, tf.zeros_like(y_pred))
        return -K.mean(alpha * K.pow(1. - pt_1, gamma) * K.log(pt_1)) - K.mean((1 - alpha) * K.pow(pt_0, gamma) * K.log(1. - pt_0))
    return focal_loss_fixed
"""
PASTED["focal_umberto_categorical"] = '''\
def categorical_focal_loss(alpha, gamma=2.):
    """
    Softmax version of focal loss.
    """
    alpha = np.array(alpha, dtype=np.float32)

    def categorical_focal_loss_fixed(y_true, y_pred):
        # Clip the prediction value to prevent NaN's and Inf's
        epsilon = K.epsilon()
        y_pred = K.clip(y_pred, epsilon, 1. - epsilon)

        # Calculate Cross Entropy
        cross_entropy = -y_true * K.log(y_pred)

        # Calculate Focal Loss
        loss = alpha * K.pow(1 - y_pred, gamma) * cross_entropy

        # Compute mean loss in mini_batch
        return K.mean(K.sum(loss, axis=-1))

    return categorical_focal_loss_fixed

categorical_focal_loss(alpha=[[.25, .25, .25, .25, .25, .25, .25, .25, .25, .25]], gamma=2)
'''
PASTED["focal_binary_fixed"] = """\
def binary_focal_loss(gamma=2., alpha=.25):
    def binary_focal_loss_fixed(y_true, y_pred):
        y_true = tf.cast(y_true, tf.float32)
        epsilon = K.epsilon()
        y_pred = K.clip(y_pred, epsilon, 1.0 - epsilon)
        p_t = tf.where(K.equal(y_true, 1), y_pred, 1 - y_pred)
        alpha_factor = K.ones_like(y_true) * alpha
        alpha_t = tf.where(K.equal(y_true, 1), alpha_factor, 1 - alpha_factor)
        cross_entropy = -K.log(p_t)
        weight = alpha_t * K.pow((1 - p_t), gamma)
        loss = weight * cross_entropy
        loss = K.mean(K.sum(loss, axis=1))
        return loss
    return binary_focal_loss_fixed
"""
PASTED["weighted_cce_wassname"] = '''\
def weighted_categorical_crossentropy(weights):
    """
    A weighted version of keras.objectives.categorical_crossentropy
    """
    weights = K.variable(weights)

    def loss(y_true, y_pred):
        # scale predictions so that the class probas of each sample sum to 1
        y_pred /= K.sum(y_pred, axis=-1, keepdims=True)
        # clip to prevent NaN's and Inf's
        y_pred = K.clip(y_pred, K.epsilon(), 1 - K.epsilon())
        # calc
        loss = y_true * K.log(y_pred) * weights
        loss = -K.sum(loss, -1)
        return loss

    return loss

weights = np.array([0.5,2,10,1,1,1,1,1,1,1])
loss = weighted_categorical_crossentropy(weights)
'''
PASTED["rmse"] = """\
def root_mean_squared_error(y_true, y_pred):
    return K.sqrt(K.mean(K.square(y_pred - y_true)))
"""
PASTED["rmse_axis"] = """\
import keras.backend as K
def rmse(y_true, y_pred):
    return K.sqrt(K.mean(K.square(y_pred - y_true), axis=-1))
"""
PASTED["rmsle"] = """\
def rmsle(y_true, y_pred):
    first_log = K.log(K.clip(y_pred, K.epsilon(), None) + 1.)
    second_log = K.log(K.clip(y_true, K.epsilon(), None) + 1.)
    return K.sqrt(K.mean(K.square(first_log - second_log), axis=-1))
"""
PASTED["logcosh"] = """\
def logcosh(y_true, y_pred):
    x = y_pred - y_true
    return K.mean(x + K.softplus(-2. * x) - K.log(2.), axis=-1)
"""
PASTED["logcosh_math"] = """\
import math
def logcosh(y_true, y_pred):
    def _logcosh(x):
        return x + K.softplus(-2. * x) - math.log(2.)
    return K.mean(_logcosh(y_pred - y_true), axis=-1)
"""
PASTED["jaccard_distance"] = '''\
def jaccard_distance_loss(y_true, y_pred, smooth=100):
    """
    Jaccard = (|X & Y|)/ (|X|+ |Y| - |X & Y|)
            = sum(|A*B|)/(sum(|A|)+sum(|B|)-sum(|A*B|))
    """
    intersection = K.sum(K.abs(y_true * y_pred), axis=-1)
    sum_ = K.sum(K.abs(y_true) + K.abs(y_pred), axis=-1)
    jac = (intersection + smooth) / (sum_ - intersection + smooth)
    return (1 - jac) * smooth
'''
PASTED["contrastive_keras_example"] = '''\
def contrastive_loss(y_true, y_pred):
    """Contrastive loss from Hadsell-et-al.'06
    http://yann.lecun.com/exdb/publis/pdf/hadsell-chopra-lecun-06.pdf
    """
    margin = 1
    square_pred = K.square(y_pred)
    margin_square = K.square(K.maximum(margin - y_pred, 0))
    return K.mean(y_true * square_pred + (1 - y_true) * margin_square)
'''
PASTED["contrastive_factory"] = '''\
def loss(margin=1):
    """Provides 'contrastive_loss' an enclosing scope with variable 'margin'."""

    # Contrastive loss = mean( (1-true_value) * square(prediction) +
    #                         true_value * square( max(margin-prediction, 0) ))
    def contrastive_loss(y_true, y_pred):
        square_pred = ops.square(y_pred)
        margin_square = ops.square(ops.maximum(margin - (y_pred), 0))
        return ops.mean((1 - y_true) * square_pred + (y_true) * margin_square)

    return contrastive_loss
'''
PASTED["quantile_lambda"] = """\
def tilted_loss(q, y, f):
    e = (y-f)
    return K.mean(K.maximum(q*e, (q-1)*e), axis=-1)
loss = lambda y, f: tilted_loss(0.5, y, f)
"""
PASTED["pinball_factory"] = """\
def quantile_loss(q=0.9):
    def loss(y_true, y_pred):
        err = y_true - y_pred
        return tf.reduce_mean(tf.maximum(q * err, (q - 1) * err), axis=-1)
    return loss
model.compile(optimizer='adam', loss=quantile_loss(0.5))
"""
PASTED["kappa_in_a_try"] = '''\
def kappa_loss(y_true, y_pred, y_pow=2, eps=1e-12, N=10, bsize=32):
    """A continuous differentiable approximation of discrete kappa loss."""
    repeat_op = tf.cast(tf.tile(tf.reshape(tf.range(0, N), [N, 1]), [1, N]), tf.float32)
    repeat_op_sq = tf.square((repeat_op - tf.transpose(repeat_op)))
    weights = repeat_op_sq / tf.cast((N - 1) ** 2, tf.float32)
    pred_ = y_pred ** y_pow
    try:
        pred_norm = pred_ / (eps + tf.reshape(tf.reduce_sum(pred_, 1), [-1, 1]))
    except Exception:
        pred_norm = pred_ / (eps + tf.reshape(tf.reduce_sum(pred_, 1), [bsize, 1]))
    hist_rater_a = tf.reduce_sum(pred_norm, 0)
    hist_rater_b = tf.reduce_sum(y_true, 0)
    conf_mat = tf.matmul(tf.transpose(pred_norm), y_true)
    nom = tf.reduce_sum(weights * conf_mat)
    denom = tf.reduce_sum(weights * tf.matmul(tf.reshape(hist_rater_a, [N, 1]), tf.reshape(hist_rater_b, [1, N])) / tf.cast(bsize, tf.float32))
    return nom / (denom + eps)
'''
PASTED["kappa"] = """\
def kappa_loss(y_true, y_pred, y_pow=2, eps=1e-12, N=10):
    y_true = tf.cast(y_true, dtype='float')
    repeat_op = tf.cast(tf.tile(tf.reshape(tf.range(0, N), [N, 1]), [1, N]), dtype='float')
    repeat_op_sq = tf.square((repeat_op - tf.transpose(repeat_op)))
    weights = repeat_op_sq / tf.cast((N - 1) ** 2, dtype='float')

    pred_ = y_pred ** y_pow
    pred_norm = pred_ / (eps + tf.reshape(tf.reduce_sum(pred_, 1), [-1, 1]))

    hist_rater_a = tf.reduce_sum(pred_norm, 0)
    hist_rater_b = tf.reduce_sum(y_true, 0)

    conf_mat = tf.matmul(tf.transpose(pred_norm), y_true)

    nom = tf.reduce_sum(weights * conf_mat)
    denom = tf.reduce_sum(weights * tf.matmul(
        tf.reshape(hist_rater_a, [N, 1]), tf.reshape(hist_rater_b, [1, N])) /
                          tf.cast(tf.shape(y_true)[0], dtype='float'))

    return nom*0.5 / (denom + eps) + 0.5 * keras.losses.categorical_crossentropy(y_true, y_pred)
"""
PASTED["f1"] = """\
def f1_loss(y_true, y_pred):
    tp = K.sum(K.cast(y_true*y_pred, 'float'), axis=0)
    tn = K.sum(K.cast((1-y_true)*(1-y_pred), 'float'), axis=0)
    fp = K.sum(K.cast((1-y_true)*y_pred, 'float'), axis=0)
    fn = K.sum(K.cast(y_true*(1-y_pred), 'float'), axis=0)

    p = tp / (tp+fp+K.epsilon())
    r = tp / (tp+fn+K.epsilon())

    f1 = 2*p*r / (p+r+K.epsilon())
    f1 = tf.where(tf.math.is_nan(f1), tf.zeros_like(f1), f1)
    return 1 - K.mean(f1)
"""
PASTED["macro_soft_f1"] = '''\
@tf.function
def macro_soft_f1(y, y_hat):
    """Compute the macro soft F1-score as a cost."""
    y = tf.cast(y, tf.float32)
    y_hat = tf.cast(y_hat, tf.float32)
    tp = tf.reduce_sum(y_hat * y, axis=0)
    fp = tf.reduce_sum(y_hat * (1 - y), axis=0)
    fn = tf.reduce_sum((1 - y_hat) * y, axis=0)
    soft_f1 = 2*tp / (2*tp + fn + fp + 1e-16)
    cost = 1 - soft_f1 # reduce 1 - soft-f1 in order to increase soft-f1
    macro_cost = tf.reduce_mean(cost) # average on all labels
    return macro_cost
'''
PASTED["label_smoothing_hand"] = """\
def smoothed(y_true, y_pred, smooth=0.1):
    num_classes = K.int_shape(y_pred)[-1]
    y_true = y_true * (1 - smooth) + smooth / num_classes
    return K.categorical_crossentropy(y_true, y_pred)
"""
PASTED["label_smoothing_loss"] = """\
e = 0.1
def mycrossentropy(y_true, y_pred, e=0.1):
    loss1 = K.categorical_crossentropy(y_true, y_pred)
    loss2 = K.categorical_crossentropy(K.ones_like(y_pred)/10, y_pred)
    return (1-e)*loss1 + e*loss2
"""
PASTED["weighted_bce"] = """\
def create_weighted_binary_crossentropy(zero_weight, one_weight):

    def weighted_binary_crossentropy(y_true, y_pred):

        # Calculate the binary crossentropy
        b_ce = K.binary_crossentropy(y_true, y_pred)

        # Apply the weights
        weight_vector = y_true * one_weight + (1. - y_true) * zero_weight
        weighted_b_ce = weight_vector * b_ce

        # Return the mean error
        return K.mean(weighted_b_ce)

    return weighted_binary_crossentropy

create_weighted_binary_crossentropy(0.3, 0.7)
"""
PASTED["weighted_bce_logits"] = '''\
POS_WEIGHT = 10  # multiplier for positive targets, needs to be tuned

def weighted_binary_crossentropy(target, output):
    """
    Weighted binary crossentropy between an output tensor
    and a target tensor.
    """
    # transform back to logits
    eps = tf.convert_to_tensor(K.epsilon(), tf.float32)
    output = tf.clip_by_value(output, eps, 1 - eps)
    output = tf.math.log(output / (1 - output))
    # compute weighted loss
    loss = tf.nn.weighted_cross_entropy_with_logits(labels=target, logits=output, pos_weight=POS_WEIGHT)
    return tf.reduce_mean(loss, axis=-1)
'''
PASTED["center_ish"] = """\
def center_loss(y_true, y_pred, alpha=0.5):
    own = tf.gather(centers, tf.argmax(y_true, axis=1))
    return categorical_crossentropy(y_true, y_pred) + alpha * tf.reduce_sum(tf.square(features - own), axis=-1)
"""
PASTED["triplet_concat"] = """\
def triplet_loss(y_true, y_pred, alpha = 0.2):
    anchor, positive, negative = features, partner_features, negative_features
    pos_dist = tf.reduce_sum(tf.square(tf.subtract(anchor, positive)), axis=-1)
    neg_dist = tf.reduce_sum(tf.square(tf.subtract(anchor, negative)), axis=-1)
    basic_loss = tf.add(tf.subtract(pos_dist, neg_dist), alpha)
    loss = tf.reduce_sum(tf.maximum(basic_loss, 0.0))
    return loss
"""
PASTED["class_loss"] = """\
class MyLoss(keras.losses.Loss):
    def __init__(self, gamma=2.0):
        super().__init__()
        self.gamma = gamma
    def call(self, y_true, y_pred):
        return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
"""
PASTED["wasserstein"] = """\
def wasserstein_loss(y_true, y_pred):
    return K.mean(y_true * y_pred)
"""
PASTED["huber_tf"] = """\
def huber_loss(y_true, y_pred, clip_delta=1.0):
    error = y_true - y_pred
    cond  = tf.keras.backend.abs(error) < clip_delta
    squared_loss = 0.5 * tf.keras.backend.square(error)
    linear_loss  = clip_delta * (tf.keras.backend.abs(error) - 0.5 * clip_delta)
    return tf.where(cond, squared_loss, linear_loss)
"""
PASTED["pearson"] = """\
def correlation_coefficient_loss(y_true, y_pred):
    x = y_true
    y = y_pred
    mx = K.mean(x)
    my = K.mean(y)
    xm, ym = x-mx, y-my
    r_num = K.sum(tf.multiply(xm,ym))
    r_den = K.sqrt(tf.multiply(K.sum(K.square(xm)), K.sum(K.square(ym))))
    r = r_num / r_den
    r = K.maximum(K.minimum(r, 1.0), -1.0)
    return 1 - K.square(r)
"""
PASTED["r2"] = """\
def coeff_determination(y_true, y_pred):
    SS_res =  K.sum(K.square( y_true-y_pred ))
    SS_tot = K.sum(K.square( y_true - K.mean(y_true) ) )
    return -( 1 - SS_res/(SS_tot + K.epsilon()) )
"""
PASTED["symmetric_ce"] = """\
def symmetric_cross_entropy(alpha=0.1, beta=1.0):
    def loss(y_true, y_pred):
        y_true_1 = y_true
        y_pred_1 = y_pred
        y_true_2 = y_true
        y_pred_2 = y_pred
        y_pred_1 = tf.clip_by_value(y_pred_1, 1e-7, 1.0)
        y_true_2 = tf.clip_by_value(y_true_2, 1e-4, 1.0)
        return alpha*tf.reduce_mean(-tf.reduce_sum(y_true_1 * tf.math.log(y_pred_1), axis = -1)) + beta*tf.reduce_mean(-tf.reduce_sum(y_pred_2 * tf.math.log(y_true_2), axis = -1))
    return loss
"""
PASTED["printing"] = """\
def my_loss(y_true, y_pred):
    y_true = tf.convert_to_tensor(y_true)
    tf.print(y_true)
    return tf.reduce_mean((y_true - y_pred)**2)
"""
PASTED["per_class_loop"] = """\
def multi_dice(y_true, y_pred, numLabels=10):
    dice = 0
    for index in range(numLabels):
        t = y_true[:, index]
        p = y_pred[:, index]
        dice -= (2. * K.sum(t * p) + 1.) / (K.sum(t) + K.sum(p) + 1.)
    return dice / numLabels
"""
PASTED["weight_matrix_by_product"] = """\
def w_categorical_crossentropy(y_true, y_pred, weights):
    nb_cl = len(weights)
    final_mask = K.zeros_like(y_pred[:, 0])
    y_pred_max = K.max(y_pred, axis=1)
    y_pred_max = K.reshape(y_pred_max, (K.shape(y_pred)[0], 1))
    y_pred_max_mat = K.cast(K.equal(y_pred, y_pred_max), K.floatx())
    for c_p, c_t in product(range(nb_cl), range(nb_cl)):
        final_mask += (weights[c_t, c_p] * y_pred_max_mat[:, c_p] * y_true[:, c_t])
    return K.categorical_crossentropy(y_pred, y_true) * final_mask
"""
PASTED["ssim_over_classes"] = """\
def ssim_like(y_true, y_pred):
    c1, c2 = 0.01**2, 0.03**2
    mu_x, mu_y = K.mean(y_true, axis=-1), K.mean(y_pred, axis=-1)
    var_x, var_y = K.var(y_true, axis=-1), K.var(y_pred, axis=-1)
    cov = K.mean(y_true * y_pred, axis=-1) - mu_x * mu_y
    return 1 - (2*mu_x*mu_y + c1)*(2*cov + c2) / ((mu_x**2 + mu_y**2 + c1)*(var_x + var_y + c2))
"""
PASTED["one_underscore"] = """\
def f(y_true, y_pred):
    _d = y_true - y_pred
    return K.mean(_d * _d, axis=-1)
"""

# What is said of those that are accepted: the codes of their warnings.
WARNED = {
    "tversky": ["unused-function"],
    "contrastive_keras_example": ["upside-down"],
    "triplet_concat": ["batch-sum"],
    "wasserstein": ["upside-down"],
    "huber_tf": ["per-class"],
}
# Those that are refused: the line, and a word of what is said.
REFUSED = {
    "kappa_in_a_try": (7, "try"),
    "weight_matrix_by_product": (7, "range(n)"),
}


@pytest.mark.parametrize("name", [n for n in PASTED if n not in REFUSED])
def test_it_is_accepted_and_can_be_learnt_from(name):
    report = losses.check(PASTED[name])
    assert report["ok"], report["error"]
    assert [w["code"] for w in report["warnings"]] == WARNED.get(name, [])
    assert report["probe"]["finite"] and report["probe"]["gradient_norm"] > 0


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_a_way_out(name):
    line, word = REFUSED[name]
    with pytest.raises(losses.LossError) as caught:
        losses.compile_loss(PASTED[name])
    assert caught.value.line == line
    assert word in f"{caught.value.message} {caught.value.hint}"


CE = -np.log(P)
VALUES = {
    "dice": 1 - (2 * PT.sum() + 1) / (Y.sum() + P.sum() + 1),
    "rmse": np.sqrt(np.square(Y - P).mean()),
    "jaccard_distance": ((1 - (PT + 100) / (2 - PT + 100)) * 100).mean(),
    "weighted_cce_wassname": (Y * CE * [0.5, 2, 10, 1, 1, 1, 1, 1, 1, 1]).sum(-1).mean(),
    "focal_umberto_categorical": (0.25 * (1 - P) ** 2 * Y * CE).sum(-1).mean(),
    "label_smoothing_hand": ((0.9 * Y + 0.01) * CE).sum(-1).mean(),
    "per_class_loop": -np.mean((2 * (Y * P).sum(0) + 1) / (Y.sum(0) + P.sum(0) + 1)),
    "weighted_bce_logits": (-10 * Y * np.log(P) - (1 - Y) * np.log(1 - P)).mean(),
    "f1": 1 - np.mean(2 * (Y * P).sum(0) / (Y.sum(0) + P.sum(0))),
}


@pytest.mark.parametrize("name", VALUES)
def test_its_value_is_that_of_numpy(name):
    value = float(losses.compile_loss(PASTED[name], probe=False).on(B))
    assert value == pytest.approx(VALUES[name], rel=1e-4)


def test_a_name_with_an_underscore_is_mended_with_one_click():
    with pytest.raises(losses.LossError) as caught:
        losses.compile_loss(PASTED["one_underscore"].replace("_d", "_d_"))
    assert caught.value.fix == "d"
