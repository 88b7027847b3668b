"""A toy task, which no other file knows of: how bright is an image? One number, squared error."""

from typing import Annotated, Any, Literal

import numpy as np

from playground.cnn import NORMALISE
from playground.datasets import source_of
from playground.knobs import Knob
from playground.layers import Layer, Plan
from playground.spec import TASK_KNOB, RunSpec
from playground.tasks import Measure, Task, known


class ToySpec(RunSpec):
    """A run that learns how bright images are."""

    task: Annotated[Literal["toy"], TASK_KNOB] = "toy"
    loss: Annotated[str, Knob("Loss", "What is minimised.", "loss")] = (
        "mean(square(y_true - y_pred), axis=-1)"
    )
    neurons: Annotated[
        int, Knob("Neurons", "Units of the hidden layer.", "model", low=1, high=64, step=1)
    ] = 8


class Toy(Task):
    """The task."""

    name, title, Spec = "toy", "Brightness", ToySpec
    inputs = known("y_true", "y_pred", "step", "epoch", "progress")
    measures = (Measure("error", "Error", better="lower", of_steps=True),)

    def plan(self, spec: ToySpec) -> Plan:
        layers = (
            NORMALISE,
            Layer("flatten", "Flatten"),
            Layer("hidden", "Dense", {"units": spec.neurons, "activation": "relu"}),
            Layer("brightness", "Dense", {"units": 1, "activation": "sigmoid", "dtype": "float32"}),
        )
        return Plan(
            {"images": source_of(spec.dataset).shape}, layers, ("brightness",), seed=spec.seed
        )

    def work(self, spec: ToySpec, dataset: Any) -> Any:
        import tensorflow as tf

        from playground.training.work import Batch, Judged, Work

        class ToyWork(Work):
            outputs = ("brightness",)
            reports = ("error",)

            def batch(self, rows: Any, step: Any) -> Any:
                images = tf.cast(rows["images"], tf.float32)
                target = tf.reduce_mean(images, axis=(1, 2)) / 255
                return Batch({"images": images}, [(1.0, {"target": target})])

            def provided(self, outputs: Any, targets: Any, clock: Any) -> Any:
                known = super().provided(outputs, targets, clock)
                return {**known, "y_true": targets["target"], "y_pred": outputs["brightness"]}

            def report(self, outputs: Any, targets: Any) -> Any:
                return {"error": _error(outputs["brightness"], targets["target"])}

            def answers(self, provided: Any) -> Any:
                return {"said": provided["y_pred"], "true": provided["y_true"]}

            def judge(self, seen: Any, rows: Any, split: str) -> Any:
                said, true = seen.answers["said"], seen.answers["true"]
                return Judged({"error": float(np.abs(said - true).mean())}, {"said": said})

        def _error(said: Any, true: Any) -> Any:
            return tf.reduce_mean(tf.abs(said - true))

        return ToyWork(spec, dataset)

    def script(self, spec: ToySpec, weights: Any, changed: bool) -> str:
        from playground import layers

        built = "\n".join(layers.script(self.plan(spec)))
        return (
            "import keras\nimport numpy as np\nfrom keras import layers\n"
            "from sklearn.datasets import load_digits\n\n"
            "images = np.rint(load_digits().images * (255 / 16))[..., None]\n"
            "targets = images.mean(axis=(1, 2)) / 255\n"
            "mean, variance = images.mean(axis=0), np.full(images.shape[1:], images.var())\n"
            f"x = images\n{built}\n"
            "model = keras.Model(images, brightness)\n"
            'model.compile("adam", "mse")\n'
            "model.fit(x, targets, epochs=5, verbose=0)\n"
            'print(f"error: {np.abs(model.predict(x, verbose=0) - targets).mean():.4f}")\n'
        )
