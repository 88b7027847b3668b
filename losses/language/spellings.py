"""Functions of Keras, TensorFlow and NumPy that are written in the language itself.

A row is (operator, signature, spellings, meaning, text). Signature and spellings are as in
`vocabulary`; the text is the body of a function of these arguments, and its last line the result.
They are read as a function of the visitor's own would be, so that what they become has sizes,
gradients, a formula and a canonical text of its own. Rows are alike in shape because each says just
what its function differs in.
"""

from __future__ import annotations

Spelling = tuple[str, str, str, str, str]

SPELLINGS: tuple[Spelling, ...] = (
    # losses
    ("kl_of_a_code", "mu:F log_var:F", "",
     "the KL divergence of a code's normal distribution from the standard one, in nats",
     "0.5 * sum(square(mu) + exp(log_var) - 1.0 - log_var, axis=-1)"),
    ("contrastive_of_distances", "same:F distance:F margin:N=6.0", "",
     "half of s d² + (1 - s) max(margin - d, 0)²",
     "0.5 * (same * square(distance)"
     " + (1.0 - same) * square(maximum(margin - distance, 0.0)))"),
    # Windows at all places where one fits whole, as matrices: an image smaller than the window is
    # one window. Wang, Bovik, Sheikh & Simoncelli, IEEE TIP 13(4), 2004.
    ("ssim",
     "x:F y:F max_val:N=1.0 filter_size:I=11 filter_sigma:N=1.5 k1:N=0.01 k2:N=0.03",
     "ops tf:ssim",
     "the structural similarity of two images, 1 where they are equal; 1 - ssim is a loss",
     "tall = minimum(filter_size, shape(x)[1])\nwide = minimum(filter_size, shape(x)[2])\n"
     "down = arange(shape(x)[1])[None, :] - arange(shape(x)[1] - tall + 1)[:, None]"
     " - (tall - 1) / 2.0\n"
     "along = arange(shape(x)[2])[None, :] - arange(shape(x)[2] - wide + 1)[:, None]"
     " - (wide - 1) / 2.0\n"
     "g = where(abs(down) < tall / 2.0, exp(-0.5 * square(down / filter_sigma)), 0.0)\n"
     "h = where(abs(along) < wide / 2.0, exp(-0.5 * square(along / filter_sigma)), 0.0)\n"
     "g = g / sum(g, axis=-1, keepdims=True)\nh = h / sum(h, axis=-1, keepdims=True)\n"
     "seen = stack([x, y, x * y, square(x) + square(y)], axis=-1)\n"
     "seen = einsum('bhwcn,ih->biwcn', seen, g)\nseen = einsum('bhwcn,iw->bhicn', seen, h)\n"
     "a = seen[..., 0]\nb = seen[..., 1]\nproduct = seen[..., 2]\nsquares = seen[..., 3]\n"
     "c1 = square(k1 * max_val)\nc2 = square(k2 * max_val)\n"
     "luminance = (2.0 * a * b + c1) / (square(a) + square(b) + c1)\n"
     "structure = (2.0 * (product - a * b) + c2) / (squares - square(a) - square(b) + c2)\n"
     "mean(luminance * structure, axis=(1, 2, 3))"),
    ("psnr", "x:F y:F max_val:N=1.0", "ops tf:psnr",
     "the peak signal-to-noise ratio of two images, in decibels",
     "10.0 * log(square(max_val) / maximum(mean(square(x - y), axis=(1, 2, 3)), 1e-10))"
     " / 2.302585092994046"),
    # The kernel exp(-d² / (2 width²)), by default with the median distance of two normal draws as
    # its width (Gretton et al., JMLR 13, 2012, (5) and section 8). The mean over the normal
    # distribution itself is in closed form (Rustamov 2019, arXiv:1901.03227): nothing is drawn.
    ("mmd", "x:F y:O=None width:O=None", "ops",
     "the squared maximum mean discrepancy of samples from others, or from the standard normal "
     "distribution",
     "dims = shape(x)[1]\n"
     "v = 2.0 * dims if width is None else square(width)\n"
     "own = mean(exp(-0.5 * sum(square(x[:, None, :] - x[None, :, :]), axis=-1) / v))\n"
     "if y is None:\n"
     "    between = mean(exp(-0.5 * sum(square(x), axis=-1) / (v + 1.0)"
     " - 0.5 * dims * log(1.0 + 1.0 / v)))\n"
     "    theirs = exp(-0.5 * dims * log(1.0 + 2.0 / v))\n"
     "else:\n"
     "    between = mean(exp(-0.5 * sum(square(x[:, None, :] - y[None, :, :]), axis=-1) / v))\n"
     "    theirs = mean(exp(-0.5 * sum(square(y[:, None, :] - y[None, :, :]), axis=-1) / v))\n"
     "own + theirs - 2.0 * between"),
    # activations
    ("celu", "x:F alpha:N=1.0", "ops activations", "elu with a smooth slope at 0",
     "maximum(x, 0.0) + alpha * expm1(minimum(x, 0.0) / alpha)"),
    ("hard_silu", "x:F", "ops ops:hard_swish activations activations:hard_swish",
     "x times a sigmoid of straight lines", "x * hard_sigmoid(x)"),
    ("hard_tanh", "x:F", "ops activations", "x kept between -1 and 1", "clip(x, -1.0, 1.0)"),
    ("hard_shrink", "x:F threshold:N=0.5", "ops activations", "x, and 0 near 0",
     "where(abs(x) > threshold, x, 0.0)"),
    ("soft_shrink", "x:F threshold:N=0.5", "ops activations", "x drawn towards 0 by a threshold",
     "sign(x) * maximum(abs(x) - threshold, 0.0)"),
    ("tanh_shrink", "x:F", "ops activations", "x - tanh(x)", "x - tanh(x)"),
    ("threshold", "x:F threshold:N default_value:N", "ops",
     "x, and another value below a threshold",
     "where(x > threshold, x, default_value)"),
    ("threshold_a", "x:F threshold:N default_value:N", "activations:threshold",
     "x, and another value below a threshold", "where(x > threshold, x, default_value)"),
    ("mish", "x:F", "ops activations", "x * tanh(softplus(x))", "x * tanh(softplus(x))"),
    ("squareplus", "x:F b:N=4.0", "ops activations", "a smooth relu without exp",
     "(x + sqrt(square(x) + b)) / 2.0"),
    ("sparse_plus", "x:F", "ops activations", "a relu with a parabola between -1 and 1",
     "where(x <= -1.0, 0.0, where(x < 1.0, 0.25 * square(x + 1.0), x))"),
    ("sparse_sigmoid", "x:F", "ops activations", "a sigmoid of straight lines between -1 and 1",
     "where(x <= -1.0, 0.0, where(x >= 1.0, 1.0, 0.5 * (x + 1.0)))"),
    ("glu", "x:F axis:A=-1", "ops activations", "one half times the sigmoid of the other",
     "a, b = split(x, 2, axis=axis)\na * sigmoid(b)"),
    ("linear", "x:F", "activations", "x itself", "x"),
    ("swish_tf", "x:F beta:N=1.0", "tf:swish tf:silu", "x times sigmoid(beta * x)",
     "x * sigmoid(beta * x)"),
    ("crelu", "x:F axis:A=-1", "tf", "relu of x and of -x, side by side",
     "concatenate([relu(x), relu(-x)], axis=axis)"),
    ("hard_sigmoid_k", "x:F", "K:hard_sigmoid", "clip(0.2 x + 0.5, 0, 1)",
     "clip(0.2 * x + 0.5, 0.0, 1.0)"),
    ("relu_k", "x:F alpha:N=0.0 max_value:O=None threshold:N=0.0", "K:relu", "max(x, 0)",
     "above = x if max_value is None else minimum(x, max_value)\n"
     "where(x >= threshold, above, alpha * (x - threshold))"),
    ("relu_a", "x:F negative_slope:N=0.0 max_value:O=None threshold:N=0.0", "activations:relu",
     "max(x, 0)",
     "above = x if max_value is None else minimum(x, max_value)\n"
     "where(x >= threshold, above, negative_slope * (x - threshold))"),
    # element by element
    ("erfc", "x:F", "ops tf math", "1 - erf(x)", "1.0 - erf(x)"),
    ("exp2", "x:F", "ops np", "2 to the power of x", "exp(0.6931471805599453 * x)"),
    ("cbrt", "x:F", "ops np", "cube root", "sign(x) * abs(x) ** 0.3333333333333333"),
    ("trunc", "x:F", "ops np", "x without its fraction; has no gradient",
     "sign(x) * floor(abs(x))"),
    ("fmod", "x:F y:F", "ops np", "remainder with the sign of x",
     "x - y * sign(x / y) * floor(abs(x / y))"),
    ("hypot", "x:F y:F", "ops np", "length of the vector (x, y)", "sqrt(square(x) + square(y))"),
    ("logaddexp", "x:F y:F", "ops np", "log(exp(x) + exp(y)), without overflow",
     "maximum(x, y) + softplus(-abs(x - y))"),
    ("logaddexp2", "x:F y:F", "ops np", "log2(2**x + 2**y), without overflow",
     "k = 0.6931471805599453\nmaximum(x, y) + softplus(-k * abs(x - y)) / k"),
    ("heaviside", "x:F y:F", "ops np", "0 below 0, 1 above, y at 0; has no gradient",
     "where(x < 0.0, 0.0, where(x > 0.0, 1.0, y))"),
    ("signbit", "x:F", "ops np", "where x is below 0", "x < 0.0"),
    ("isclose", "x:F y:F rtol:N=1e-05 atol:N=1e-08", "ops np", "where x is y but for rounding",
     "abs(x - y) <= atol + rtol * abs(y)"),
    ("deg2rad", "x:F", "ops np ops:radians np:radians", "degrees as an angle",
     "x * 0.017453292519943295"),
    ("rad2deg", "x:F", "ops np ops:degrees np:degrees", "an angle in degrees",
     "x * 57.29577951308232"),
    ("sinc", "x:F", "ops np", "sin(pi x) / (pi x)",
     "a = where(x == 0.0, 1.0, 3.141592653589793 * x)\nwhere(x == 0.0, 1.0, sin(a) / a)"),
    ("nan_to_num", "x:F nan:N=0.0", "ops np", "x, and 0 where it is not a number",
     "clip(where(isnan(x), nan, x), -3.4028234e38, 3.4028234e38)"),
    ("multiply_no_nan", "x:F y:F", "tf", "x * y, and 0 where y is 0",
     "where(y == 0.0, 0.0, x * y)"),
    ("reciprocal_no_nan", "x:F", "tf", "1 / x, and 0 where x is 0", "divide_no_nan(1.0, x)"),
    ("xdivy", "x:F y:F", "tf", "x / y, and 0 where x is 0",
     "where(x == 0.0, 0.0, x / where(x == 0.0, 1.0, y))"),
    ("xlog1py", "x:F y:F", "tf", "x * log(1 + y), and 0 where x is 0",
     "x * log1p(where(x == 0.0, 0.0, y))"),
    ("rint", "x:F", "tf np", "rounded; has no gradient", "round(x)"),
    ("realdiv", "x:F y:F", "tf", "x / y", "x / y"),
    ("truncatediv", "x:T y:T", "tf", "x / y without its fraction; has no gradient",
     "q = cast(x, 'float32') / cast(y, 'float32')\nsign(q) * floor(abs(q))"),
    ("bias_add", "x:F y:F", "tf K", "x + y", "x + y"),
    ("saturate_cast", "x:T dtype:D", "ops tf", "as another type of number", "cast(x, dtype)"),
    ("ensure_shape", "x:T shape:V", "tf", "x itself", "x"),
    ("sequence_mask", "x:T maxlen:Z dtype:V=None", "tf", "where a place is before a length",
     "held = arange(maxlen) < x[:, None]\nheld if dtype is None else cast(held, dtype)"),
    ("lbeta", "x:F", "tf", "logarithm of the beta function, of the last axis",
     "sum(tf.math.lgamma(x), axis=-1) - tf.math.lgamma(sum(x, axis=-1))"),
    # reductions
    ("nansum", "x:F axis:A=None keepdims:B=False", "ops np", "sum of what is a number",
     "sum(where(isnan(x), 0.0, x), axis=axis, keepdims=keepdims)"),
    ("nanmean", "x:F axis:A=None keepdims:B=False", "ops np", "mean of what is a number",
     "held = cast(logical_not(isnan(x)), 'float32')\n"
     "sum(where(isnan(x), 0.0, x), axis=axis, keepdims=keepdims)"
     " / sum(held, axis=axis, keepdims=keepdims)"),
    ("nanmax", "x:F axis:A=None keepdims:B=False", "ops np", "largest of what is a number",
     "max(where(isnan(x), -3.4028234e38, x), axis=axis, keepdims=keepdims)"),
    ("nanmin", "x:F axis:A=None keepdims:B=False", "ops np", "smallest of what is a number",
     "min(where(isnan(x), 3.4028234e38, x), axis=axis, keepdims=keepdims)"),
    ("ptp", "x:F axis:A=None keepdims:B=False", "ops np", "largest less smallest",
     "max(x, axis=axis, keepdims=keepdims) - min(x, axis=axis, keepdims=keepdims)"),
    ("median", "x:F axis:A=None", "ops np", "the middle one",
     "flat = reshape(x, (-1,)) if axis is None else x\n"
     "place = 0 if axis is None else axis\n"
     "held = sort(flat, axis=place)\n"
     "n = size(flat) if axis is None else shape(flat)[axis]\n"
     "(take(held, (n - 1) // 2, axis=place) + take(held, n // 2, axis=place)) / 2.0"),
    ("moments", "x:F axes:A keepdims:B=False", "ops tf", "mean and variance",
     "mean(x, axis=axes, keepdims=keepdims), var(x, axis=axes, keepdims=keepdims)"),
    ("reduce_euclidean_norm", "x:F axis:A=None keepdims:B=False", "tf", "length of a vector",
     "sqrt(sum(square(x), axis=axis, keepdims=keepdims))"),
    ("zero_fraction", "x:T", "tf", "share of what is 0", "mean(cast(x == 0, 'float32'))"),
    ("compute_average_loss", "per_example_loss:F sample_weight:O=None global_batch_size:O=None",
     "tf", "sum over the batch, by its size",
     "held = per_example_loss if sample_weight is None else per_example_loss * sample_weight\n"
     "sum(held) / (shape(held)[0] if global_batch_size is None else global_batch_size)"),
    ("cumsum_tf", "x:T axis:A=0 exclusive:B=False reverse:B=False", "tf:cumsum", "running sum",
     "held = flip(x, axis=axis) if reverse else x\n"
     "total = cumsum(held, axis=axis) - held if exclusive else cumsum(held, axis=axis)\n"
     "flip(total, axis=axis) if reverse else total"),
    ("clip_by_norm", "x:F clip_norm:N axes:A=None", "tf", "scaled to a length at most",
     "length = sqrt(sum(square(x), axis=axes, keepdims=True))\n"
     "x * clip_norm / maximum(length, clip_norm)"),
    ("normalize_tf", "x:F ord:V='euclidean' axis:A=None", "np.linalg:normalize tf:normalize",
     "scaled to length 1, and the length",
     "length = norm(x, ord=ord, axis=axis, keepdims=True)\nx / length, length"),
    # structure and products
    ("append", "x:T y:T axis:A=None", "ops np", "joined along an axis",
     "concatenate([ravel(x), ravel(y)], axis=0) if axis is None else "
     "concatenate([x, y], axis=axis)"),
    ("diff", "x:T n:I=1 axis:A=-1", "ops np", "differences of neighbours",
     "for _ in range(n):\n    m = shape(x)[axis]\n"
     "    x = take(x, arange(1, m), axis=axis) - take(x, arange(0, m - 1), axis=axis)\nx"),
    ("inner", "x:F y:F", "ops np", "sum of products over the last axes",
     "sum(x * y) if ndim(x) == 1 and ndim(y) == 1 else tensordot(x, y, axes=[[-1], [-1]])"),
    ("vdot", "x:F y:F", "ops np", "sum of products of all entries", "sum(ravel(x) * ravel(y))"),
    ("matvec", "x:F y:F", "tf", "product of a matrix and a vector",
     "sum(x * y[..., None, :], axis=-1)"),
    ("matrix_transpose", "x:T", "tf", "the last two axes in the other order",
     "swapaxes(x, -1, -2)"),
    ("diag_tf", "x:T", "tf:diag tf:tensor_diag", "a matrix with this diagonal", "diagonal(x)"),
    ("tensor_diag_part", "x:T", "tf", "the diagonal of a matrix", "diagonal(x)"),
    ("set_diag", "x:F diagonal:F", "tf", "a matrix with another diagonal",
     "n = shape(x)[0]\nwhere(arange(n)[:, None] == arange(n), diagonal[:, None] + 0.0 * x, x)"),
    ("band_part", "x:T num_lower:I num_upper:I", "tf", "a matrix, 0 away from its diagonal",
     "low = x if num_lower < 0 else triu(x, k=-num_lower)\n"
     "low if num_upper < 0 else tril(low, k=num_upper)"),
    ("repeat_k", "x:T n:I", "K:repeat", "each sample n times", "repeat(x[:, None, :], n, axis=1)"),
    ("embedding_lookup", "x:T ids:T", "tf", "elements at given places", "take(x, ids, axis=0)"),
    ("in_top_k", "targets:T predictions:F k:I", "ops tf",
     "whether a class is among the k largest",
     "held = sum(one_hot(targets, shape(predictions)[-1]) * predictions, axis=-1, keepdims=True)\n"
     "sum(cast(predictions > held, 'int32'), axis=-1) < k"),
    ("in_top_k_k", "predictions:F targets:T k:I", "K:in_top_k",
     "whether a class is among the k largest",
     "held = sum(one_hot(targets, shape(predictions)[-1]) * predictions, axis=-1, keepdims=True)\n"
     "sum(cast(predictions > held, 'int32'), axis=-1) < k"),
    ("segment_sum", "x:F segment_ids:T num_segments:Z sorted:V=None", "ops tf:unsorted_segment_sum",
     "sums of samples by class", "transpose(one_hot(segment_ids, num_segments)) @ x"),
    ("segment_mean", "x:F segment_ids:T num_segments:Z", "tf:unsorted_segment_mean",
     "means of samples by class",
     "hot = one_hot(segment_ids, num_segments)\n"
     "(transpose(hot) @ x) / maximum(sum(hot, axis=0), 1.0)[:, None]"),
    ("confusion_matrix", "labels:T predictions:T num_classes:Z weights:O=None dtype:V=None",
     "tf",
     "how often each class was taken for each",
     "hot = one_hot(labels, num_classes)\n"
     "hot = hot if weights is None else hot * weights[:, None]\n"
     "transpose(hot) @ one_hot(predictions, num_classes)"),
    # cross-entropies
    ("log_poisson", "targets:F log_input:F compute_full_loss:B=False", "tf:log_poisson_loss",
     "the Poisson loss of a logarithm of rates",
     "loss = exp(log_input) - log_input * targets\n"
     "stirling = targets * log(maximum(targets, 1e-7)) - targets"
     " + 0.5 * log(6.283185307179586 * maximum(targets, 1e-7))\n"
     "loss + where((targets >= 0) & (targets <= 1), 0.0, stirling) if compute_full_loss else loss"),
    ("binary_focal_k",
     "target:F output:F apply_class_balancing:B=False alpha:N=0.25 gamma:N=2.0 from_logits:B=False",
     "K:binary_focal_crossentropy", "focal binary cross-entropy, element by element",
     "p = sigmoid(output) if from_logits else output\np = clip(p, 1e-7, 1 - 1e-7)\n"
     "pt = target * p + (1 - target) * (1 - p)\n"
     "loss = (1.0 - pt) ** gamma * binary_crossentropy(target, p)\n"
     "loss * (target * alpha + (1 - target) * (1 - alpha)) if apply_class_balancing else loss"),
    ("categorical_focal_k",
     "target:F output:F alpha:V=0.25 gamma:N=2.0 from_logits:B=False axis:A=-1",
     "K:categorical_focal_crossentropy", "focal cross-entropy of each sample",
     "p = softmax(output, axis=axis) if from_logits else output\n"
     "p = clip(p / sum(p, axis=axis, keepdims=True), 1e-7, 1 - 1e-7)\n"
     "sum(alpha * (1.0 - p) ** gamma * -target * log(p), axis=axis)"),
    ("circle_keras",
     "y_true:T y_pred:F ref_labels:V=None ref_embeddings:V=None remove_diagonal:B=True gamma:N=80.0"
     " margin:N=0.4",
     "losses:circle", "Keras' circle loss, of embeddings as they are",
     "keys = y_true if ref_labels is None else ref_labels\n"
     "others = y_pred if ref_embeddings is None else ref_embeddings\n"
     "far = maximum(1.0 - y_pred @ transpose(others), 0.0)\n"
     "same = y_true[:, None] == keys[None, :]\n"
     "n = shape(y_true)[0]\n"
     "itself = arange(n)[:, None] == arange(n)\n"
     "near = same & logical_not(itself) if remove_diagonal else same\n"
     "pull = -gamma * maximum(margin + far, 0.0) * (margin - far)\n"
     "push = gamma * maximum(1.0 + margin - far, 0.0) * (1.0 - margin - far)\n"
     "one = logsumexp(where(near, pull, -1e30), axis=1)\n"
     "two = logsumexp(where(same, -1e30, push), axis=1)\n"
     "softplus(one + two)"),
)  # fmt: skip
