"""`python benchmarks/tvae_rows.py ADULT_TRAIN SEED OUT`: rows drawn by SDV's TVAE, as a CSV file.

It needs `ctgan`, `torch` and pandas, in an environment of their own. All settings are the defaults
of `ctgan.TVAE`. An empty cell is a category of its own. As many rows are drawn as there are.
"""

import sys
import time

import pandas as pd
import torch
from ctgan import TVAE


def main(train, seed, out):
    """Trains a TVAE on the table `train`, and writes the rows that it draws."""
    torch.set_num_threads(1)
    rows = pd.read_csv(train).fillna("missing")
    categorical = [name for name in rows if not pd.api.types.is_numeric_dtype(rows[name])]
    model, start = TVAE(enable_gpu=False, verbose=True), time.perf_counter()
    model.set_random_state(int(seed))
    torch.manual_seed(int(seed))
    model.fit(rows, categorical)
    model.sample(len(rows)).to_csv(out, index=False)
    print(f"{model.epochs} epochs, {time.perf_counter() - start:.0f} seconds")


if __name__ == "__main__":
    main(*sys.argv[1:])
