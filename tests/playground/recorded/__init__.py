"""Ten short runs as an earlier version trained them, and what they must be in every later one.

`runs.json` has each one's spec as JSON, URL and digest, its metrics as exact hexadecimal floats and
digests of its curves and weights; `store.zip` a store that the same version wrote, and
`store_<version>.zip` one that the last program of each version of the store wrote.

    python -m tests.playground.recorded            trains them and says which differ, bit for bit
    python -m tests.playground.recorded --write    records them anew

The numbers are those of one machine: another processor or TensorFlow may round differently.
MNIST and CIFAR-10 are read from PLAYGROUND_DATA.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
RUNS, STORE = FOLDER / "runs.json", FOLDER / "store.zip"
STORES = sorted(FOLDER.glob("store*.zip"))
