"""Keras' metrics, written in the language: of all samples that are there, as Keras has them of an
evaluation. A row is as in `spellings`; of a class the tensors come when it is called."""

from __future__ import annotations

from .spellings import Spelling

_HITS = "held = sum(one_hot({0}, shape({1})[-1]) * {1}, axis=-1, keepdims=True)\n"
_RANK = "cast(sum(cast({1} > held, 'int32'), axis=-1) < k, 'float32')"


def _topped(then: str) -> str:
    """What precision and recall are made of: which entries are said to be, and which are."""
    return (
        "bound = thresholds\n"
        "if thresholds is None:\n"
        "    bound = 0.5 if k is None else -1e30\n"
        "p = y_pred\n"
        "t = y_true\n"
        "if k is not None:\n"
        "    p = where(y_pred >= min(top_k(y_pred, k)[0], axis=-1, keepdims=True), y_pred, -3e30)\n"
        "if class_id is not None:\n"
        "    p = p[..., class_id]\n"
        "    t = t[..., class_id]\n"
        "said = cast(p > bound, 'float32')\n"
        "meant = cast(t != 0, 'float32')\n" + then
    )


def _counted(said: str, meant: str) -> str:
    return (
        "bound = 0.5 if thresholds is None else thresholds\n"
        f"sum(cast((y_pred {said} bound) & (y_true {meant} 0), 'float32'))"
    )


_BETA = """\
sure = max(y_pred, axis=-1, keepdims=True)
said = (y_pred >= sure) & (abs(y_pred) > 1e-9) if threshold is None else y_pred > threshold
said = cast(said, 'float32')
over = None if average == 'micro' else 0
tp = sum(said * y_true, axis=over)
precision = tp / (sum(said, axis=over) + 1e-7)
recall = tp / (sum(y_true, axis=over) + 1e-7)
score = precision * recall / (beta * beta * precision + recall + 1e-7) * (1 + beta * beta)
if average == 'macro':
    score = mean(score)
if average == 'weighted':
    weights = sum(y_true, axis=0)
    score = sum(weights / (sum(weights) + 1e-7) * score)
score
"""
_IOU = """\
both = sum(t * p, axis=0)
whole = sum(t, axis=0) + sum(p, axis=0) - both
if target_class_ids is not None:
    both = take(both, target_class_ids, axis=0)
    whole = take(whole, target_class_ids, axis=0)
there = cast(whole > 1e-9, 'float32')
sum(there * both / (whole + 1e-7)) / (sum(there) + 1e-7)
"""
_MEAN_IOU = """\
both = sum(t * p, axis=0)
whole = sum(t, axis=0) + sum(p, axis=0) - both
there = cast(whole > 0, 'float32')
sum(divide_no_nan(both, whole)) / sum(there)
"""
# What counts: of classes that there are, and not of the one that is ignored.
_HELD = """\
t = one_hot(true, num_classes)
p = one_hot(said, num_classes)
held = sum(t, axis=-1, keepdims=True) * sum(p, axis=-1, keepdims=True)
if ignore_class is not None:
    held = held * cast(true != ignore_class, 'float32')[:, None]
t = t * held
p = p * held
"""
_SPARSE = f"""\
true = y_true if sparse_y_true else argmax(y_true, axis=axis)
said = y_pred if sparse_y_pred else argmax(y_pred, axis=axis)
{_HELD}"""
_ONE_HOT = f"""\
true = argmax(y_true, axis=axis)
said = y_pred if sparse_y_pred else argmax(y_pred, axis=axis)
{_HELD}"""
_BINARY = """\
yes = reshape(cast(y_pred >= threshold, 'float32'), (-1,))
true = reshape(cast(y_true, 'float32'), (-1,))
t = stack([1 - true, true], axis=1)
p = stack([1 - yes, yes], axis=1)
"""
_RIGHT = "cast(argmax(y_true, axis=-1) == argmax(y_pred, axis=-1), 'float32')"
_SPARSE_RIGHT = "cast(cast(y_true, 'int32') == argmax(y_pred, axis=-1), 'float32')"
_TOP = _HITS.format("argmax(y_true, axis=-1)", "y_pred") + _RANK.format("", "y_pred")
_SPARSE_TOP = _HITS.format("cast(y_true, 'int32')", "y_pred") + _RANK.format("", "y_pred")
_BINARY_RIGHT = "cast(y_true == cast(y_pred > threshold, 'float32'), 'float32')"
_PEARSON = (
    "a = y_true - mean(y_true, axis=axis, keepdims=True)\n"
    "b = y_pred - mean(y_pred, axis=axis, keepdims=True)\n"
    "mean(a / std(a, axis=axis, keepdims=True) * b / std(b, axis=axis, keepdims=True), axis=axis)"
)
_CONCORDANCE = (
    "a = mean(y_true, axis=axis, keepdims=True)\n"
    "b = mean(y_pred, axis=axis, keepdims=True)\n"
    "spread = var(y_true, axis=axis, keepdims=True) + var(y_pred, axis=axis, keepdims=True)\n"
    "mean(2 * (y_true - b) * (y_pred - b) / (spread + square(a - b) + 1e-7), axis=axis)"
)
_R2 = """\
total = sum(square(y_true - mean(y_true, axis=0)), axis=0)
rest = sum(square(y_true - y_pred), axis=0)
score = 1 - divide_no_nan(rest, total)
if class_aggregation == 'uniform_average':
    score = mean(score)
if class_aggregation == 'variance_weighted_average':
    score = sum(score * total) / sum(total)
score
"""
_T = "y_true:F y_pred:F"

FUNCTIONS: tuple[Spelling, ...] = (
    ("binary_accuracy", f"{_T} threshold:N=0.5", "metrics", "share of entries that are right",
     f"mean({_BINARY_RIGHT}, axis=-1)"),
    ("categorical_accuracy", _T, "metrics", "whether the largest is the true class", _RIGHT),
    ("sparse_categorical_accuracy", "y_true:T y_pred:F", "metrics",
     "whether the largest is the true class", _SPARSE_RIGHT),
    ("top_k_categorical_accuracy", f"{_T} k:I=5", "metrics",
     "whether the true class is among the k largest", _TOP),
    ("sparse_top_k_categorical_accuracy", "y_true:T y_pred:F k:I=5", "metrics",
     "whether the true class is among the k largest", _SPARSE_TOP),
    ("pearson_correlation", f"{_T} axis:A=-1", "metrics", "Pearson's correlation", _PEARSON),
    ("concordance_correlation", f"{_T} axis:A=-1", "metrics", "concordance correlation",
     _CONCORDANCE),
)  # fmt: skip
# Of these the class takes the tensors when it is called; what comes out is a mean of it.
CLASSES: tuple[Spelling, ...] = (
    ("Accuracy", "y_true:T y_pred:T", "metrics", "share that is equal",
     "mean(cast(y_true == y_pred, 'float32'))"),
    ("BinaryAccuracy", f"{_T} name:V=None dtype:V=None threshold:N=0.5", "metrics",
     "share of entries that are right", f"mean({_BINARY_RIGHT})"),
    ("CategoricalAccuracy", _T, "metrics", "share of right classes", f"mean({_RIGHT})"),
    ("SparseCategoricalAccuracy", "y_true:T y_pred:F", "metrics", "share of right classes",
     f"mean({_SPARSE_RIGHT})"),
    ("TopKCategoricalAccuracy", f"{_T} k:I=5", "metrics",
     "share of true classes among the k largest",
     _TOP.replace("cast(sum", "mean(cast(sum") + ")"),
    ("SparseTopKCategoricalAccuracy", "y_true:T y_pred:F k:I=5", "metrics",
     "share of true classes among the k largest",
     _SPARSE_TOP.replace("cast(sum", "mean(cast(sum") + ")"),
    ("Precision", f"{_T} thresholds:V=None k:V=None class_id:V=None", "metrics",
     "share of what is said that is",
     _topped("divide_no_nan(sum(said * meant), sum(said))")),
    ("Recall", f"{_T} thresholds:V=None k:V=None class_id:V=None", "metrics",
     "share of what is that is said",
     _topped("divide_no_nan(sum(said * meant), sum(meant))")),
    ("TruePositives", f"{_T} thresholds:V=None", "metrics", "how many are rightly said to be",
     _counted(">", "!=")),
    ("FalsePositives", f"{_T} thresholds:V=None", "metrics", "how many are wrongly said to be",
     _counted(">", "==")),
    ("TrueNegatives", f"{_T} thresholds:V=None", "metrics", "how many are rightly not said to be",
     _counted("<=", "==")),
    ("FalseNegatives", f"{_T} thresholds:V=None", "metrics", "how many are wrongly not said to be",
     _counted("<=", "!=")),
    ("F1Score", f"{_T} average:V=None threshold:V=None", "metrics", "F1, of each class or of all",
     f"beta = 1.0\n{_BETA}"),
    ("FBetaScore", f"{_T} average:V=None beta:N=1.0 threshold:V=None", "metrics",
     "F-beta, of each class or of all", _BETA),
    ("IoU",
     "y_true:T y_pred:T num_classes:Z target_class_ids:T name:V=None dtype:V=None"
     " ignore_class:V=None sparse_y_true:B=True sparse_y_pred:B=True axis:A=-1",
     "metrics", "intersection over union of some classes", _SPARSE + _IOU),
    ("MeanIoU",
     "y_true:T y_pred:T num_classes:Z name:V=None dtype:V=None ignore_class:V=None"
     " sparse_y_true:B=True sparse_y_pred:B=True axis:A=-1",
     "metrics", "intersection over union, the mean over the classes", _SPARSE + _MEAN_IOU),
    ("OneHotIoU",
     f"{_T} num_classes:Z target_class_ids:T name:V=None dtype:V=None ignore_class:V=None"
     " sparse_y_pred:B=False axis:A=-1",
     "metrics", "intersection over union of some classes", _ONE_HOT + _IOU),
    ("OneHotMeanIoU",
     f"{_T} num_classes:Z name:V=None dtype:V=None ignore_class:V=None sparse_y_pred:B=False"
     " axis:A=-1",
     "metrics", "intersection over union, the mean over the classes", _ONE_HOT + _MEAN_IOU),
    ("BinaryIoU", f"{_T} target_class_ids:V=None threshold:N=0.5", "metrics",
     "intersection over union of entries that are and that are not", _BINARY + _IOU),
    ("R2Score", f"{_T} class_aggregation:V='uniform_average'", "metrics",
     "share of the variance that is told", _R2),
    ("RootMeanSquaredError", _T, "metrics", "root of the mean squared error",
     "sqrt(mean(square(y_pred - y_true)))"),
    ("LogCoshError", _T, "metrics", "mean log-cosh of the difference",
     "mean(log_cosh(y_true, y_pred))"),
    ("CosineSimilarity", f"{_T} name:V=None dtype:V=None axis:A=-1", "metrics",
     "mean cosine of the angle; 1 where both point the same way",
     "mean(sum(l2_normalize(y_true, axis=axis) * l2_normalize(y_pred, axis=axis), axis=axis))"),
    ("PearsonCorrelation", f"{_T} name:V=None dtype:V=None axis:A=-1", "metrics",
     "Pearson's correlation", _PEARSON.replace("mean(a /", "mean(mean(a /") + ")"),
    ("ConcordanceCorrelation", f"{_T} name:V=None dtype:V=None axis:A=-1", "metrics",
     "concordance correlation", _CONCORDANCE.replace("mean(2 *", "mean(mean(2 *") + ")"),
    ("Circle",
     "y_true:T y_pred:F gamma:N=80.0 margin:N=0.4 remove_diagonal:B=True"
     " reduction:V='sum_over_batch_size'",
     "losses", "Keras' circle loss, the mean over the samples that cost anything",
     "each = keras.losses.circle(y_true, y_pred, gamma=gamma, margin=margin,"
     " remove_diagonal=remove_diagonal)\n"
     "held = cast(each > 0, 'float32')\n"
     "if reduction is None:\n    return each\n"
     "if reduction == 'none':\n    return each\n"
     "if reduction == 'sum':\n    return sum(each)\n"
     "sum(each * held) / (sum(held) + 1e-7)"),
    ("Mean", "values:F sample_weight:O=None", "metrics", "mean of all values",
     "mean(values) if sample_weight is None else "
     "sum(values * sample_weight) / sum(sample_weight + 0.0 * values)"),
    ("Sum", "values:F sample_weight:O=None", "metrics", "sum of all values",
     "sum(values) if sample_weight is None else sum(values * sample_weight)"),
)  # fmt: skip
