"""The list of models: every built-in one once, by what it is for."""

import itertools

import keras_ae
from keras_ae.explorer import catalogue, pictures


def jobs():
    found = catalogue.entries()
    groups = itertools.groupby(found, lambda entry: entry.job)
    return [(job, [entry.name for entry in entries]) for job, entries in groups]


def test_every_model_that_can_be_drawn_is_there_once():
    names = [name for _, names in jobs() for name in names]
    shapes = {
        name: keras_ae.info(name).metadata["model"]["shape"] for name in keras_ae.list_models()
    }
    drawn = [name for name, shape in shapes.items() if pictures.can_be_drawn(tuple(shape))]
    assert sorted(names) == sorted(drawn) and len(jobs()) == len(dict(jobs()))


def test_models_stand_under_their_job():
    found = dict(jobs())
    assert found["Find clusters"] == ["vade_mnist"]
    assert found["Draw the label you ask for"] == ["cvae_mnist"]
    assert found["Read and write pen strokes"] == ["sequence_ae_omniglot"]
    assert {"vae_mnist", "hvae_mnist"} <= set(found["Draw new images"])
    assert {"ae_mnist", "vqvae_mnist"} <= set(found["Compress and reconstruct"])
    assert all("dae" in name for name in found["Remove noise"])
    assert all(names == sorted(names) for names in found.values())


def test_a_line_is_from_the_card():
    lines = {entry.name: entry.line for entry in catalogue.entries()}
    metric = keras_ae.info("vae_mnist").metrics[0]
    assert lines["vae_mnist"].startswith("VAE · mnist · 40 latent dimensions · nll ")
    assert f"{metric['value']:.2f} ± {metric['standard_error']:.2f} nats" in lines["vae_mnist"]
    assert "80 latent dimensions" in lines["hvae_mnist"]  # 40 + 40


def test_a_folder_is_added(preset):
    folder = preset(keras_ae.AE)
    (entry,) = [entry for entry in catalogue.entries(folder) if entry.name == folder]
    assert entry.job == "Compress and reconstruct"
    assert entry.line == "AE · digits · 3 latent dimensions"
