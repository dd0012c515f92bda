"""How fast keras_ae is beside its peers, on one machine in one run: `python -m benchmarks`.

See README.md in this folder.
"""
