"""How fast keras_ae is, against its peers on the same machine in the same run: `python -m benchmarks`. See README.md here."""
