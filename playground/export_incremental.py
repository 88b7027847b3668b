"""A run of Incremental taken home: the phases in plain Keras 3, with the teacher, the exemplars and
the correction. Imports no Keras."""

from playground import export_parts, layers
from playground.datasets import source_of
from playground.export_parts import CELL, KEEPS, TRAINED
from playground.tasks.incremental import TASK, IncrementalSpec
from playground.tasks.inputs import literal
from playground.training.optimizers import WARM_UP


def script(spec: IncrementalSpec, *, weights: bool, changed: bool) -> str:
    """Python that trains the phases with `keras.Model.fit` and prints the accuracy after each."""
    plan = TASK.plan(spec)
    classes = len(source_of(spec.dataset).class_names)
    return "\n".join([
        _head(spec, weights, changed, layers.needs_own(plan)),
        export_parts.data(spec),
        f"{CELL}The network",
        *layers.script(plan),
        f'network = keras.Model(images, probabilities, name="{spec.dataset}")',
        "inner = keras.Model(images, [features, logits])",
        _phases(spec),
        _LOSS.format(
            loss=_loss(spec),
            metrics=export_parts.metrics(spec, "INPUTS"),
            classes=classes,
            weighed=_weighed(spec) + (_OF_MEMORY if "OfMemory" in _moving(spec) else ""),
            drift=_DRIFT if _drifts(spec) else "",
            shown="among(logits, seen)" if spec.head == "seen" else "logits",
            shape=source_of(spec.dataset).shape,
            moving=_moving(spec),
            taken="*inputs",
            optimizer=_optimizer(spec),
        ),
        _MEMORY.format(classes=classes, herding=spec.selection == "herding", seed=spec.seed),
        _CORRECTIONS[spec.correction],
        _TRAINING.format(
            keeps=KEEPS,
            fresh=spec.fresh_optimizer,
            turned="        weighed.turn(fisher)\n" if _drifts(spec) else "",
            watched=_WATCHED.format(patience=spec.patience) if spec.patience else "",
            best=_BEST if spec.patience else "",
        ),
        f"{_MEASURED}{export_parts.MEASURED}" if spec.measured else "",
    ])  # fmt: skip


def _drifts(spec: IncrementalSpec) -> bool:
    return "weight_drift" in spec.loss


def _weighed(spec: IncrementalSpec) -> str:
    """The lines that follow how much each weight matters, where the loss asks for it."""
    if not _drifts(spec):
        return ""
    follows = _FOLLOWED.format(kind=_optimizer_kind(spec)) if spec.importance == "path" else ""
    shown = "among(scores, ops.maximum(objective.old, objective.new))"
    return follows + _WEIGHED.format(
        kind=spec.importance,
        seed=spec.seed,
        shown=shown if spec.head == "seen" else "scores",
    )


def _optimizer_kind(spec: IncrementalSpec) -> str:
    return export_parts.optimizer(spec).split("(")[0]


def _optimizer(spec: IncrementalSpec) -> str:
    made = export_parts.optimizer(spec).replace("(rate", "(RATES[0]")
    if _drifts(spec) and spec.importance == "path":
        return made.replace(_optimizer_kind(spec), "Followed")
    return f"keras.optimizers.{made}"


def _moving(spec: IncrementalSpec) -> str:
    if not export_parts.moves(spec):
        return ""
    lines = [f"moved = {export_parts.moved(spec, 'taken')}\n"]
    if spec.augmented == "exemplars":
        lines.append("moved = OfMemory()([moved, taken, labels])\n")
    return "".join(lines)


def _loss(spec: IncrementalSpec) -> str:
    inputs = literal(TASK.inputs, TASK.sizes, set(TASK.inputs))
    named = spec.loss.isidentifier()
    made = export_parts.named_loss(spec) if named else export_parts.compiled_loss(spec, "INPUTS")
    return f"INPUTS = {inputs}\n{made}"


def _phases(spec: IncrementalSpec) -> str:
    return _PHASES.format(
        groups=spec.class_groups,
        epochs=spec.phase_epochs,
        kept=spec.kept,
        exemplars=spec.exemplars,
        memory=spec.memory,
        replay=spec.replay,
        batch=spec.batch_size,
        rate=spec.learning_rate,
        later=spec.later_rate,
        anew=spec.schedule_anew,
        factor=_FACTORS[spec.schedule],
    )


_FACTORS = {
    "constant": "np.ones(steps)",
    "cosine": "0.5 * (1 + np.cos(np.pi * done))",
    "warmup_cosine": (
        f"np.minimum(1, (np.arange(steps) + 1) / max(1, round({WARM_UP} * steps)))"
        f" * 0.5 * (1 + np.cos(np.pi * np.maximum(0, done - {WARM_UP}) / (1 - {WARM_UP})))"
    ),
    "exponential": "0.01**done",
    "steps": "np.where(done < 0.5, 1.0, np.where(done < 0.75, 0.1, 0.01))",
}


def _head(spec: IncrementalSpec, weights: bool, changed: bool, own: bool) -> str:
    modules = ["losses", "exemplars", *(["importance"] if _drifts(spec) else [])]
    modules += [*(["moving"] if export_parts.moves(spec) else []), *(["own_layers"] if own else [])]
    return export_parts.head(
        spec,
        "Classes of {} in phases: a run of the Loss Playground in plain Keras 3.",
        "trains the phases, prints the test accuracy after each,\n"
        f"keeps it as {TRAINED} and trained.keras",
        "takes the weights of the run, which has trained all\nphases, instead of training"
        if weights
        else "",
        export_parts.trains_as(
            "from other first weights, on batches in\nanother order.", changed, []
        ),
        modules,
    )


_PHASES = '''
# %% The phases
# Which classes come in each, for how many epochs, and what is kept of the old.
GROUPS = {groups}
EPOCHS = {epochs}
KEPT, EXEMPLARS, IN_ALL, REPLAY = {kept!r}, {exemplars}, {memory}, {replay!r}


def room(old):
    """How many images are kept of each of these old classes."""
    if KEPT == "none" or not old:
        return {{}}
    have = {{each: int(np.sum(y_train == each)) for each in old}}
    if KEPT == "all":
        return have
    count = max(1, IN_ALL // len(old)) if IN_ALL else EXEMPLARS
    return {{each: min(count, have[each]) for each in old}}


def drawn(fresh, kept_rows):
    """The rows of a phase: the new ones, and of the exemplars so many that they are their share."""
    if KEPT == "exemplars" and len(kept_rows):
        kept_rows = np.resize(kept_rows, max(1, round(len(fresh) * REPLAY / (1 - REPLAY))))
    return np.concatenate([fresh, kept_rows]).astype("int64")


def longest():
    """The images of the largest phase: an epoch is one pass over so many, in every phase."""
    sizes = []
    for number, group in enumerate(GROUPS):
        old = [each for earlier in GROUPS[:number] for each in earlier]
        fresh = np.flatnonzero(np.isin(y_train, group))
        sizes.append(len(drawn(fresh, np.zeros(sum(room(old).values())))))
    return max(sizes)


BATCH = min({batch}, longest())
STEPS = longest() // BATCH  # of an epoch
ALL_STEPS = STEPS * sum(EPOCHS)


def schedule(steps):
    """The learning rate of each of so many steps."""
    done = np.arange(steps) / steps
    return {rate!r} * ({factor})


LATER, ANEW = {later!r}, {anew!r}
if ANEW:
    parts = [schedule(STEPS * epochs) for epochs in EPOCHS]
else:
    parts = np.split(schedule(ALL_STEPS), STEPS * np.cumsum(EPOCHS)[:-1])
RATES = np.concatenate([part * (LATER if i else 1) for i, part in enumerate(parts)])
'''

_LOSS = (
    '''
# %% The loss
{loss}
{metrics}
# The teacher is the network at the end of the phase before.
teacher = keras.models.clone_model(keras.Model(images, logits))
teacher.trainable = False


def among(logits, mask):
    """The logits, those outside a mask far below the others."""
    return ops.where(mask > 0, logits, ops.stop_gradient(ops.min(logits)) - 300.0)

{weighed}

class Objective(layers.Layer):
    """Adds the loss of a batch to the model's; knows which classes are old and new."""

    def __init__(self, **options):
        super().__init__(**options)
        made = {{"initializer": "zeros", "trainable": False}}
        self.old = self.add_weight(shape=({classes},), name="old", **made)
        self.new = self.add_weight(shape=({classes},), name="new", **made)
        self.phase = self.add_weight(shape=(), name="phase", **made)
        self.step = self.add_weight(shape=(), name="step", **made)

    def offered(self, features, logits, labels, taught):
        """What a loss or a metric may name, each as a function that gives it."""
        logits, taught = (ops.cast(each, "float32") for each in (logits, taught))
        old, new = ops.convert_to_tensor(self.old), ops.convert_to_tensor(self.new)
        seen = ops.maximum(old, new)
        answered, step = {shown}, ops.convert_to_tensor(self.step)
        return {{
            "y_true": lambda: ops.one_hot(labels, {classes}),
            "labels": lambda: labels,
            "logits": lambda: answered,
            "y_pred": lambda: ops.softmax(answered),
            "features": lambda: ops.cast(features, "float32"),
            "last_kernel": lambda: ops.convert_to_tensor(network.get_layer("logits").kernel),
            "teacher_logits": lambda: among(taught, old),
            "old_logits": lambda: among(logits, old),
            "old": lambda: old,
            "new": lambda: new,
            "seen": lambda: seen,
            "exemplar": lambda: ops.take(old, labels),
            "phase": lambda: ops.convert_to_tensor(self.phase),
{drift}'''
    + export_parts.ADDED
    + """\
        return offered["logits"]()


moved = taken = keras.Input({shape!r}, name="batch")
labels = keras.Input((), dtype="int64", name="labels")
objective = Objective(name="objective")
{moving}model = keras.Model(
    [taken, labels], objective([*inner(moved), labels, teacher(moved, training=False)])
)
model.compile(optimizer={optimizer}, jit_compile=False)
"""
)

_DRIFT = """            "weight_drift": lambda: weighed.drift(),
"""
_FOLLOWED = '''
class Followed(keras.optimizers.{kind}):
    """Adds up what moving each weight takes off the loss."""

    def apply(self, grads, trainable_variables=None):
        with weighed.stepping(grads):
            return super().apply(grads, trainable_variables)

'''
_WEIGHED = '''
# How much each weight matters to what was learned (`importance.py`).
weighed = importance.Importance({kind!r}, inner.trainable_variables)


def fisher(variables):
    """The Fisher information of the images of the phase that has ended."""

    def answered(batch):
        scores = ops.cast(inner(batch, training=False)[1], "float32")
        return {shown}

    rows = np.flatnonzero(np.isin(y_train, np.flatnonzero(objective.new)))
    chosen = x_train[np.random.default_rng({seed}).permutation(rows)[:500]]
    return importance.squared_slopes(answered, variables, chosen, {seed})

'''
_OF_MEMORY = '''
class OfMemory(layers.Layer):
    """Moved images where they are exemplars, the others as they are."""

    def call(self, inputs):
        moved, taken, labels = inputs
        kept = ops.take(ops.convert_to_tensor(objective.old), labels) > 0
        return ops.where(kept[:, None, None, None], moved, ops.cast(taken, moved.dtype))

'''

_MEMORY = '''
# %% The memory
# Rows of each old class, the best first.
memory = {{}}
draw = np.random.default_rng({seed})


def embedded(images):
    """The features of images."""
    return inner.predict(images, batch_size=500, verbose=0)[0].astype("float32")


def remember(old):
    """Chooses rows of the classes that have just become old, and cuts those of the others."""
    for value, count in room(old).items():
        rows = np.flatnonzero(y_train == value)
        if value in memory:
            memory[value] = memory[value][:count]
        elif KEPT == "exemplars" and {herding}:
            memory[value] = rows[exemplars.herded(embedded(x_train[rows]), count)]
        else:
            memory[value] = draw.permutation(rows)[:count]


def balanced(group):
    """The exemplars and as many images of each new class: embeddings and labels."""
    rows = [*memory.values()]
    most = max(len(each) for each in rows)
    rows += [np.flatnonzero(y_train == value)[:most] for value in group]
    chosen = np.concatenate(rows)
    return inner.predict(x_train[chosen], batch_size=500, verbose=0), y_train[chosen]


def masks(number):
    """Which classes are old in a phase, and which are new."""
    old = [each for group in GROUPS[:number] for each in group]
    return np.isin(np.arange({classes}), old), np.isin(np.arange({classes}), GROUPS[number])
'''

_PLAIN = '''

def corrected(features, logits, number):
    """The scores that an answer is taken from."""
    return logits
'''
_CORRECTIONS = {
    "none": _PLAIN,
    "aligning": '''

def corrected(features, logits, number):
    """The scores, the new classes' weights made as long as the old ones' (Zhao et al. 2020)."""
    old, new = masks(number)
    kernel = network.get_layer("logits").kernel.numpy()
    factor = exemplars.aligned(kernel, old, new)
    return logits + np.where(new, (factor - 1) * (features @ kernel), 0)
''',
    "nearest_mean": '''

def corrected(features, logits, number):
    """The scores by the nearest mean of exemplars (Rebuffi et al. 2017)."""
    if not memory:
        return logits
    (held, _), values = balanced(GROUPS[number])
    means = exemplars.class_means(held, values, logits.shape[1])
    return exemplars.nearest_mean(features, means)
''',
    "bias": '''

def corrected(features, logits, number):
    """The scores, two numbers fitted for the new classes' logits (Wu et al. 2019)."""
    if not memory:
        return logits
    old, new = masks(number)
    (_, raw), values = balanced(GROUPS[number])
    raw = np.where(old | new, raw.astype("float64"), -1e9)
    scale, shift = exemplars.bias_of(raw, values, new)
    return np.where(new, scale * logits + shift, logits)
''',
}

_TRAINING = '''
# %% Training


def accuracy(number):
    """On the test images of the classes that have come by a phase, and of each phase's classes."""
    old, new = masks(number)
    chosen = np.flatnonzero((old | new)[y_test])
    features, logits = inner.predict(x_test[chosen], batch_size=500, verbose=0)
    scores = corrected(features, logits.astype("float64"), number)
    right = np.where(old | new, scores, -np.inf).argmax(axis=1) == y_test[chosen]
    groups = [right[np.isin(y_test[chosen], group)].mean() for group in GROUPS[: number + 1]]
    return right.mean(), groups


class Rate(keras.callbacks.Callback):
    """Sets the learning rate of each step."""

    def on_train_batch_begin(self, batch, logs=None):
        self.model.optimizer.learning_rate.assign(RATES[int(objective.step.numpy())])


def begin(number):
    """Before a phase: the network becomes the teacher, exemplars are chosen, classes change."""
    old, new = masks(number)
    if number:
        teacher.set_weights(keras.Model(images, logits).get_weights())
{turned}        remember(np.flatnonzero(old).tolist())
        if {fresh}:
            for each in model.optimizer.variables:
                if each is not model.optimizer.learning_rate:
                    each.assign(ops.zeros_like(each))
    objective.old.assign(old.astype("float32"))
    objective.new.assign(new.astype("float32"))
    objective.phase.assign(float(number))
{watched}

if kept:
    for weight in network.weights:
        weight.assign(kept[weight.path])
    if len(GROUPS) > 1:
        begin(len(GROUPS) - 1)
else:
    for number, group in enumerate(GROUPS):
        begin(number)
        kept_rows = np.concatenate([*memory.values(), np.zeros(0, "int64")]).astype("int64")
        rows = drawn(np.flatnonzero(np.isin(y_train, group)), draw.permutation(kept_rows))
        for _ in range(EPOCHS[number]):
            passes = [draw.permutation(rows) for _ in range(-(-STEPS * BATCH // len(rows)))]
            order = np.concatenate(passes)[: STEPS * BATCH]
            model.fit(
                [x_train[order], y_train[order]],
                batch_size=BATCH,
                shuffle=False,
                callbacks=[Rate()],
                verbose=0,
            )
{best}        whole, groups = accuracy(number)
        print(f"after {{group}}: {{whole:.4f}}", *(f"{{each:.4f}}" for each in groups), flush=True)
    learned = {{weight.path: weight.numpy() for weight in network.weights}}
{keeps}
# %% The test images
print(f"test accuracy: {{accuracy(len(GROUPS) - 1)[0]:.4f}}")
'''

# The last phase alone may end early: an earlier network has not learned what came since.
_WATCHED = """

PATIENCE = {patience}
beside = np.flatnonzero(np.isin(y[held_out], np.concatenate(GROUPS)))
beside = x[held_out][beside], y[held_out][beside]
least = [], []  # validation losses after each epoch, and the weights of the best


def stops():
    \"\"\"Whether PATIENCE epochs have not beaten the least validation loss.\"\"\"
    losses_so_far, weights = least
    losses_so_far.append(model.evaluate(beside, batch_size=BATCH, verbose=0))
    if np.nanargmin(losses_so_far) == len(losses_so_far) - 1:
        weights[:] = network.get_weights()
    return len(losses_so_far) - 1 - np.nanargmin(losses_so_far) >= PATIENCE

"""
_BEST = """\
            if number == len(GROUPS) - 1 and stops():
                break
        if number == len(GROUPS) - 1:
            network.set_weights(least[1])
"""
_MEASURED = """
# %% What else is measured, of all test images together
of_test = *inner.predict(x_test, batch_size=500, verbose=0), y_test
taught = teacher.predict(x_test, batch_size=500, verbose=0)
offered = objective.offered(*map(ops.convert_to_tensor, (*of_test, taught)))
"""
