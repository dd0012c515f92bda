"""Several real processes on this machine's loopback, as several machines would be."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_ae
from keras_ae import distribute
from keras_ae.cli import local_cluster as clusters

# How a worker finds the others: by TF_CONFIG, or by SLURM (two tasks on this machine).
BY_TF_CONFIG = """
import json, os, sys
from keras_ae import distribute
rank = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
strategy = distribute.strategy("auto")
"""
BY_SLURM = """
import json, os, sys
import tensorflow as tf
from keras_ae import distribute
config = json.loads(os.environ.pop("TF_CONFIG"))
rank, first = config["task"]["index"], int(config["cluster"]["worker"][0].split(":")[1])
os.environ["SLURM_PROCID"] = str(rank)
os.environ |= {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NODELIST": "localhost"}
os.environ |= {"SLURM_STEP_TASKS_PER_NODE": "2", "SLURM_JOB_ID": "1"}
slurm = tf.distribute.cluster_resolver.SlurmClusterResolver(
    gpus_per_node=2, gpus_per_task=1, tasks_per_node=2, auto_set_gpu=False, port_base=first
)
strategy = distribute.strategy("multiworker", cluster_resolver=slurm)
"""
TRAINING = """
import numpy as np
import keras, tensorflow as tf, keras_ae
out = sys.argv[1]
x = np.random.default_rng(0).random((26, 8, 8, 1), dtype="float32")

def trained(cls):
    keras.utils.set_random_seed(rank)  # differs per worker: they must agree by themselves
    with strategy.scope():
        model = cls((8, 8, 1), 3, widths=(16,))
        model.compile(keras.optimizers.SGD(0.01), metrics=["mse"])
    start = model.get_weights()
    options = {"epochs": 2, "batch_size": 8, "shuffle": False, "verbose": 0}
    logs = model.fit(x, validation_data=x[:11], **options).history
    logs = {name: values[-1] for name, values in logs.items()}
    return model, start, {**logs, **model.evaluate(x, batch_size=7, verbose=0, return_dict=True)}

class Seen(keras_ae.AE):  # tells an image from all others by one pixel
    def training_input(self, x):
        tf.py_function(lambda pixel: images.extend(pixel.numpy().tolist()), [x[:, 0, 0, 0]], [])
        return x

results = {}
for cls in (keras_ae.AE, keras_ae.VAE):
    model, start, logs = trained(cls)
    results |= {f"{cls.__name__} start {i}": weight for i, weight in enumerate(start)}
    results |= {f"{cls.__name__} end {i}": weight for i, weight in enumerate(model.get_weights())}
    results |= {f"{cls.__name__} log {name}": value for name, value in logs.items()}
    results[f"{cls.__name__} predict"] = model.predict(x, batch_size=7, verbose=0)
    results[f"{cls.__name__} reconstruct"] = model.reconstruct(x)
draw = tf.function(
    lambda: strategy.run(lambda: model.posterior(x[:4]).sample(seed=model.draw_seed()))
)
results["noise"] = draw()
images = []
with strategy.scope():
    seen = Seen((8, 8, 1), 3, widths=(16,))
    seen.compile(jit_compile=False)  # XLA has no Python functions
seen.fit(x, batch_size=8, verbose=0)
results["images"] = images
model.save_to_preset(f"{out}/preset")
np.savez(f"{out}/{rank}.npz", **results)
print("replicas", strategy.num_replicas_in_sync, "chief", distribute.is_chief())
"""


X = np.random.default_rng(0).random((26, 8, 8, 1), dtype="float32")


@pytest.mark.slow
@pytest.mark.multiprocess
@pytest.mark.parametrize(
    "n, strategy",
    [(2, BY_SLURM), (2, BY_TF_CONFIG), (3, BY_TF_CONFIG)],
    ids=["2 of SLURM", "2 of TF_CONFIG", "3 of TF_CONFIG"],
)
def test_a_cluster_trains(n, strategy, tmp_path):
    """One training, since processes are slow to start, and all that must hold of it."""
    (tmp_path / "program.py").write_text(strategy + TRAINING)
    command = [
        sys.executable,
        "-m",
        "keras_ae.cli",
        "cluster",
        "--workers",
        str(n),
        str(tmp_path / "program.py"),
        str(tmp_path),
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=400)
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    for i in range(n):
        assert f"[{i}] replicas {n} chief {i == 0}\n" in output, output
    workers = [dict(np.load(tmp_path / f"{i}.npz")) for i in range(n)]
    all_workers_end_alike(workers)
    it_trains_like_one_device(keras_ae.AE, workers[0])
    it_trains_like_one_device(keras_ae.VAE, workers[0])
    each_image_is_used_once_an_epoch(workers)
    workers_share_no_noise(*workers[:2])
    only_the_chief_writes(workers, tmp_path)


def all_workers_end_alike(workers):
    """Weights, logs and predictions, although each began with a seed of its own."""
    for worker in workers:
        for name in worker.keys() - {"noise", "images"}:
            np.testing.assert_array_equal(worker[name], workers[0][name], err_msg=name)


def it_trains_like_one_device(cls, results):
    """26 images in batches of 8: the last batch, of 2, leaves one of three workers with nothing."""

    def weights(when):
        return [results[f"{cls.__name__} {when} {i}"] for i in range(len(model.get_weights()))]

    model = cls((8, 8, 1), 3, widths=(16,))
    model.compile(keras.optimizers.SGD(0.01), metrics=["mse"], jit_compile=False)
    model.set_weights(weights("start"))
    logs = model.fit(
        X, epochs=2, batch_size=8, shuffle=False, validation_data=X[:11], verbose=0
    ).history
    logs = {
        **{name: values[-1] for name, values in logs.items()},
        **model.evaluate(X, verbose=0, return_dict=True),
    }
    exact = cls is keras_ae.AE
    for weight, of_cluster in zip(model.get_weights(), weights("end"), strict=True):
        np.testing.assert_allclose(of_cluster, weight, atol=1e-6 if exact else 0.1)
        assert not np.array_equal(weight, 0)
    for name, value in logs.items():
        assert results[f"{cls.__name__} log {name}"] == pytest.approx(
            value, rel=1e-5 if exact else 0.1, abs=1e-6
        ), name
    np.testing.assert_allclose(
        results[f"{cls.__name__} predict"], results[f"{cls.__name__} reconstruct"], atol=1e-5
    )


def each_image_is_used_once_an_epoch(workers):
    images = np.concatenate([worker["images"] for worker in workers])
    images = images[
        images != 0
    ]  # the example of zeros, of weight zero, that a worker with nothing gets
    np.testing.assert_array_equal(np.sort(images), np.sort(X[:, 0, 0, 0]))
    assert not np.array_equal(images, X[:, 0, 0, 0])  # shuffled


def workers_share_no_noise(first, second):
    assert np.abs(first["noise"] - second["noise"]).min() > 0


def only_the_chief_writes(workers, folder):
    names = {f"{i}.npz" for i in range(len(workers))} | {"program.py", "preset"}
    assert {path.name for path in folder.iterdir()} == names
    vae = keras_ae.load(folder / "preset")
    for i, weight in enumerate(vae.get_weights()):
        np.testing.assert_array_equal(weight, workers[0][f"VAE end {i}"])


RECIPE = """
import json, os, signal, sys
import keras, keras_ae
folder, rank = sys.argv[1], json.loads(os.environ["TF_CONFIG"])["task"]["index"]
keras.utils.set_random_seed(1)
(images, _), _ = keras_ae.datasets.load("digits")
train = keras_ae.datasets.binarize_dynamic(images[:250], batch_size=64)
vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,))
vae.compile(keras.optimizers.Adam(0.01))
log = keras_ae.TrainingLog(f"{folder}.log")

def die(epoch, logs):
    if epoch == 2 and rank == 1 and not os.path.exists(f"{folder}.killed"):
        open(f"{folder}.killed", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)

killer = keras.callbacks.LambdaCallback(on_epoch_begin=die)
backup = keras.callbacks.BackupAndRestore(f"{folder}.backup", double_checkpoint=True)
vae.fit(train, epochs=4, verbose=2, callbacks=[log, killer, backup])
metrics = [keras_ae.evaluation.nll(vae, "digits", n_samples=20, n_images=50)]
vae.save_to_preset(folder, dataset="digits", training=log, metrics=metrics)
print("weights", float(sum(abs(w).sum() for w in vae.get_weights())), file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.multiprocess
def test_a_killed_worker_comes_back(tmp_path):
    """`keras-ae train` on a cluster: worker 1 is killed in its third epoch, and all start again.

    The training goes on from the backup. Only the chief writes.
    """
    (tmp_path / "tiny.py").write_text(RECIPE)
    command = [
        sys.executable,
        "-m",
        "keras_ae.cli",
        "cluster",
        "--workers",
        "2",
        "--restarts",
        "1",
        "--cores",
        "1",
    ]
    command += ["-m", "keras_ae.cli", "train", "tiny.py"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=400)
    output = result.stdout
    assert result.returncode == 0, output + result.stderr
    assert "a worker failed with exit code 137: starting the cluster again (1 of 1)" in output
    before, after = output.split("a worker failed")
    assert "[0] Epoch 1/4" in before and "Epoch 4/4" not in before
    assert "Epoch 1/4" not in after and "Epoch 2/4" not in after and "[0] Epoch 4/4" in after
    assert "[1] Epoch" not in output and output.count("saved tiny") == 1
    weights = [line.split("weights ")[1] for line in after.splitlines() if "weights " in line]
    assert len(weights) == 2 and weights[0] == weights[1]
    assert {path.name for path in tmp_path.iterdir()} == {
        "tiny.py",
        "tiny",
        "tiny.log",
        "tiny.killed",
    }
    card = keras_ae.info(tmp_path / "tiny")
    assert len(card.metadata["training"]["curve"]["loss"]) == 4
    assert card.metadata["training"]["hardware"].endswith("2 replicas")


def test_each_worker_finds_its_place_in_tf_config(monkeypatch):
    configs = clusters.configs(3)
    assert [json.loads(config)["task"] for config in configs] == [
        {"type": "worker", "index": i} for i in range(3)
    ]
    for config in configs:
        monkeypatch.setenv("TF_CONFIG", config)
        addresses = distribute._workers_of_tf_config()
        assert len(set(addresses)) == 3 and addresses == json.loads(configs[0])["cluster"]["worker"]
        assert all(address.startswith("127.0.0.1:") for address in addresses)


@pytest.mark.multiprocess
def test_a_failure_stops_the_cluster(tmp_path, capfd, monkeypatch):
    """The other workers would wait for ever."""
    program = tmp_path / "program.py"
    program.write_text(
        "import json, os, sys, time\n"
        "rank = json.loads(os.environ['TF_CONFIG'])['task']['index']\n"
        "threads = [os.environ[f'TF_NUM_{kind}_THREADS'] for kind in ('INTRAOP', 'INTEROP')]\n"
        "cores = len(os.sched_getaffinity(0))\n"
        "print('worker', rank, *sys.argv[1:], 'on', cores, 'cores with', *threads, 'threads')\n"
        "time.sleep(0.5) if rank else time.sleep(100)\n"
        "sys.exit(rank and 7)\n"
    )
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "3")  # what a user has set stays
    monkeypatch.setattr(clusters, "_usable_cores", lambda: sorted(os.sched_getaffinity(0))[:2])
    assert clusters.run([str(program), "a", "b"], workers=2, restarts=1, cores=1) == 7
    output = capfd.readouterr().out
    for i in (0, 1):
        assert output.count(f"[{i}] worker {i} a b on 1 cores with 1 3 threads\n") == 2
    assert "(1 of 1)" in output


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((["a.py"], 0), "`workers` to be an integer of at least 1. Received: workers=0"),
        ((["a.py"], 2, -1), "restarts=-1"),
        ((["a.py"], 2, 0, 0), "`cores` to be an integer of at least 1. Received: cores=0"),
        (([],), "Expected a Python program"),
    ],
)
def test_mistakes_are_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        clusters.run(*arguments)
