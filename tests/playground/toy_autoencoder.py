"""A second toy task, which no other file knows of: digits through two numbers and back, with inputs
of its own for a loss."""

from typing import Annotated, Any, Literal

from playground.cnn import NORMALISE
from playground.datasets import source_of
from playground.knobs import Knob
from playground.layers import Layer, Plan
from playground.spec import TASK_KNOB, RunSpec
from playground.tasks import Input, Measure, Task, known
from playground.tasks.inputs import literal

TEXT = """beta = 0.1  # 0..1
kl = -0.5 * sum(1 + log_var - square(mu) - exp(log_var), axis=-1)
mean(square(x - x_hat)) * 64 + beta * mean(kl)"""
FLOAT = {"dtype": "float32"}


class SketchSpec(RunSpec):
    """A run that learns to draw digits out of two numbers."""

    task: Annotated[Literal["sketch"], TASK_KNOB] = "sketch"
    loss: Annotated[str, Knob("Loss", "What is minimised.", "loss")] = TEXT


class Sketch(Task):
    """The task."""

    name, title, Spec = "sketch", "Sketches", SketchSpec
    inputs = known("step", "epoch", "progress") | {
        "x": Input("BHWK", "label", "x", "the image", "unit"),
        "x_hat": Input("BHWK", "prediction", r"\hat x", "the image as it is drawn", "unit"),
        "mu": Input("BL", "prediction", r"\mu", "the mean of the code"),
        "log_var": Input("BL", "prediction", r"\lambda", "the log of the code's variance"),
        "depth": Input("", "context", "D", "how wide the code is", "positive"),
    }
    measures = (Measure("error", "Error", better="lower", of_steps=True),)

    def plan(self, spec: SketchSpec) -> Plan:
        layers = (
            NORMALISE,
            Layer("flatten", "Flatten"),
            Layer("hidden", "Dense", {"units": 32, "activation": "relu"}),
            Layer("mu", "Dense", {"units": 2, **FLOAT}, ("hidden",)),
            Layer("log_var", "Dense", {"units": 2, **FLOAT}, ("hidden",)),
            Layer("z", "Sampling", {"seed": spec.seed, **FLOAT}, ("mu", "log_var")),
            Layer("wide", "Dense", {"units": 32, "activation": "relu"}),
            Layer("pixels", "Dense", {"units": 64, "activation": "sigmoid", **FLOAT}),
            Layer("x_hat", "Reshape", {"target_shape": (8, 8, 1), **FLOAT}),
        )
        return Plan({"images": source_of(spec.dataset).shape}, layers, ("x_hat",), seed=spec.seed)

    def work(self, spec: SketchSpec, dataset: Any) -> Any:
        import tensorflow as tf

        from playground.training.work import Batch, Judged, Work

        class SketchWork(Work):
            outputs = ("hidden", "x_hat", "mu", "log_var")
            trunk = ("hidden",)
            reports = ("error",)

            def batch(self, rows: Any, step: Any) -> Any:
                images = tf.cast(rows["images"], tf.float32)
                return Batch({"images": images}, [(1.0, {"x": images / 255})])

            def provided(self, outputs: Any, targets: Any, clock: Any) -> Any:
                return {**super().provided(outputs, targets, clock), "depth": tf.constant(2.0)}

            def report(self, outputs: Any, targets: Any) -> Any:
                error = tf.reduce_mean(tf.square(targets["x"] - outputs["x_hat"]))
                return {"error": error}

            def answers(self, provided: Any) -> Any:
                return {"said": provided["x_hat"], "true": provided["x"]}

            def judge(self, seen: Any, rows: Any, split: str) -> Any:
                said, true = seen.answers["said"], seen.answers["true"]
                return Judged({"error": float(((said - true) ** 2).mean()), **seen.metrics})

        return SketchWork(spec, dataset)

    def script(self, spec: SketchSpec, weights: Any, changed: bool) -> str:
        from playground import layers

        names = {"x", "x_hat", "mu", "log_var"}
        return (
            "import keras\nimport numpy as np\nimport tensorflow as tf\nfrom keras import layers\n"
            "from sklearn.datasets import load_digits\n\nimport losses\nimport own_layers\n\n"
            "images = (load_digits().images * (255 / 16))[..., None].astype('float32')\n"
            "mean, variance = images.mean(axis=0), np.full(images.shape[1:], images.var())\n"
            f"inputs = {literal(self.inputs, self.sizes, names)}\n"
            f"loss = losses.compile_loss({spec.loss!r}, inputs=inputs)\n"
            + "\n".join(layers.script(self.plan(spec)))
            + "\nmodel = keras.Model(images, [x_hat, mu, log_var])\n"
            "optimizer = keras.optimizers.Adam(0.003)\n"
            "rows = (load_digits().images / 16)[..., None].astype('float32')\n"
            "for step in range(300):\n"
            "    with tf.GradientTape() as tape:\n"
            "        found = model(rows * 255, training=True)\n"
            "        given = dict(zip(('x_hat', 'mu', 'log_var'), found), x=rows)\n"
            "        value = loss.on(given)\n"
            "    slopes = tape.gradient(value, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(slopes, model.trainable_variables))\n"
            'print(f"loss: {float(value):.4f}")\n'
        )
