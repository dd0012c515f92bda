"""How samples look: the measures on arrays against formulas and numpy, then on real images."""

import hashlib
import json

import keras
import numpy as np
import pytest
from scipy import linalg, ndimage

import keras_ae
from keras_ae import datasets, evaluation
from keras_ae.evaluation import classifiers, sample_metrics, samples
from keras_ae.utils import zoo

KNOWN = sorted(json.loads((zoo.folder() / "classifiers" / "classifiers.json").read_text()))
LEAST = {"mnist": 99.4, "fashion_mnist": 92.9}  # %, of the test images


def gaussian(rng, n, mean, covariance):
    """Vectors whose mean and covariance are exactly these."""
    x = rng.normal(size=(n, len(mean)))
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return mean + x @ np.linalg.cholesky(covariance).T


def random_covariance(rng, d):
    a = rng.normal(size=(d, 2 * d))
    return a @ a.T / d


def test_the_frechet_distance_of_commuting_gaussians_is_that_of_their_scales():
    """Diagonal covariances: |m - n|^2 + sum_i (s_i - t_i)^2."""
    rng = np.random.default_rng(0)
    m, n, s, t = rng.normal(size=(4, 5)) + np.array([[0], [0], [3], [5]])
    x, y = gaussian(rng, 60, m, np.diag(s**2)), gaussian(rng, 80, n, np.diag(t**2))
    expected = np.sum((m - n) ** 2) + np.sum((s - t) ** 2)
    assert evaluation.frechet_distance(x, y) == pytest.approx(expected, rel=1e-9)


def test_the_frechet_distance_of_other_gaussians_is_that_of_scipys_root():
    rng = np.random.default_rng(1)
    m, n = rng.normal(size=(2, 4))
    c, d = random_covariance(rng, 4), random_covariance(rng, 4)
    assert np.abs(c @ d - d @ c).max() > 0.5
    expected = np.sum((m - n) ** 2) + np.trace(c + d - 2 * linalg.sqrtm(c @ d).real)
    found = evaluation.frechet_distance(gaussian(rng, 50, m, c), gaussian(rng, 50, n, d))
    assert found == pytest.approx(expected, rel=1e-9)


def test_the_frechet_distance_is_a_distance_and_does_not_see_rotations():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 6)), 2 * rng.normal(size=(40, 6)) + 1
    rotation = linalg.qr(rng.normal(size=(6, 6)))[0]
    distance = evaluation.frechet_distance(x, y)
    assert evaluation.frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert evaluation.frechet_distance(y, x) == pytest.approx(distance)
    assert evaluation.frechet_distance(x @ rotation + 3, y @ rotation + 3) == pytest.approx(
        distance
    )
    assert evaluation.frechet_distance(3 * x, 3 * y) == pytest.approx(9 * distance)
    assert evaluation.frechet_distance(x, x + np.eye(6)[0] * 2) == pytest.approx(4)
    few = rng.normal(size=(3, 6))  # singular covariances
    assert np.isfinite(evaluation.frechet_distance(few, few + 1))
    assert evaluation.frechet_distance(x[:, :1], 3 + x[:, :1]) == pytest.approx(9)


def by_loops(real, drawn, k):
    """Precision and recall, one pair of vectors at a time."""

    def share(points, centres):
        found = 0
        for point in points:
            for centre in centres:
                radius = sorted(np.linalg.norm(other - centre) for other in centres)[k]
                if np.linalg.norm(point - centre) <= radius:
                    found += 1
                    break
        return 100 * found / len(points)

    return share(drawn, real), share(real, drawn)


@pytest.mark.parametrize("k", [1, 3])
def test_precision_and_recall_are_those_of_loops_over_all_pairs(k, monkeypatch):
    monkeypatch.setattr(samples, "BLOCK", 7)
    rng = np.random.default_rng(k)
    real, drawn = rng.normal(size=(30, 3)), 1.5 * rng.normal(size=(20, 3)) + 0.7
    expected = by_loops(real, drawn, k)
    assert 0 < expected[0] < 100 and 0 < expected[1] < 100
    assert evaluation.precision_recall(real, drawn, k=k) == pytest.approx(expected)


def test_precision_and_recall_of_sets_that_are_equal_apart_or_within_each_other():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(200, 2))
    assert evaluation.precision_recall(real, real) == (100, 100)
    assert evaluation.precision_recall(1e4 + real, 1e4 + real) == (100, 100)
    assert evaluation.precision_recall(real, real + 100) == (0, 0)
    # Drawn from one of two places: all looks real, half of what is real is never drawn.
    two = np.concatenate([real, real + 100])
    assert evaluation.precision_recall(two, real) == (100, 50)
    assert evaluation.precision_recall(real, two) == (50, 100)


def test_recognisable_is_the_share_of_likely_classes():
    x = np.array([0.5, 0.94, 0.95, 1.0, 0.0])[:, None]
    classifier = lambda x: np.concatenate([x, 1 - x], axis=1)  # noqa: E731
    # float32(0.95) is below 0.95
    assert evaluation.recognisable(x, classifier) == pytest.approx(40)
    assert evaluation.recognisable(x, classifier, sure=0.9) == pytest.approx(80)


def test_features_come_from_a_callable_or_a_model_in_batches(monkeypatch):
    monkeypatch.setattr(samples, "BATCH", 3)
    x = np.random.default_rng(0).integers(0, 256, (10, 4, 4, 3)).astype("uint8")
    y = np.random.default_rng(1).integers(0, 256, (8, 4, 4, 3)).astype("uint8")
    flat = [part.reshape(len(part), -1) / 255 for part in (x, y)]
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
    expected = evaluation.frechet_distance(*flat)
    assert evaluation.frechet_distance(x, y, model) == pytest.approx(expected, rel=1e-5)
    means = lambda images: np.mean(images, axis=(1, 2))  # noqa: E731
    expected = by_loops(*(part.mean(axis=(1, 2)) / 255 for part in (x, y)), 3)
    assert evaluation.precision_recall(x, y, means) == pytest.approx(expected)


def test_errors():
    x = np.random.default_rng(0).normal(size=(5, 2))
    for function, arguments, message in (
        (evaluation.frechet_distance, (x[:1], x), "at least 2 real and 2 drawn.*1 and 5"),
        (evaluation.precision_recall, (x, x[:3]), "at least 4 real and 4 drawn.*5 and 3"),
        (evaluation.frechet_distance, (x, x[:, :1]), r"equal shapes. Received: \(5, 2\)"),
        (evaluation.frechet_distance, (x, np.where(x > 0, x, np.nan)), "`drawn`.*NaN"),
        (evaluation.precision_recall, (x, x, None, 0), "k"),
        (evaluation.frechet_distance, (x[..., None], x[..., None]), "vectors .* Received: "),
        (evaluation.recognisable, (x, lambda x: x), "probabilities.*Received: values from"),
        (evaluation.recognisable, (x, lambda x: x[:, 0]), "one vector .* Received: "),
        (evaluation.recognisable, (x, lambda x: x / 0.0), "finite numbers"),
        (evaluation.recognisable, (np.zeros((3, 8, 8, 1)), "mnist"), r"\(batch, 28, 28, 1\)"),
        (evaluation.recognisable, (np.full((3, 28, 28, 1), 2.0), "mnist"), r"in \[0, 1\]"),
        (evaluation.recognisable, (x, "digits"), "mnist. Received: 'digits'"),
        (evaluation.classifier, ("cifar10",), "mnist. Received: 'cifar10'"),
    ):
        with pytest.raises(ValueError, match=message):
            function(*arguments)


# The shipped classifiers


@pytest.mark.parametrize("name", KNOWN)
def test_the_classifier_is_small_hashed_and_gives_probabilities(name):
    folder = zoo.folder() / "classifiers"
    content = (folder / f"{name}.npz").read_bytes()
    about = json.loads((folder / "classifiers.json").read_text())[name]
    assert len(content) < 1e6 and about["sha256"] == hashlib.sha256(content).hexdigest()
    x = np.random.default_rng(0).random((3, 28, 28, 1))
    found = evaluation.classifier(name).predict(x, verbose=0)
    assert found.shape == (3, 10) and found.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    grey = (255 * x).astype("uint8")
    assert evaluation.recognisable(grey, name) == evaluation.recognisable(grey / 255, name)
    assert samples.features_of(x, name).shape == (3, 96)


def test_the_classifiers_are_trained_by_one_command_and_are_no_presets():
    assert keras_ae.presets.recipe("classifiers").parent == zoo.folder() / "classifiers"
    assert "classifiers" not in keras_ae.list_models()


def test_an_altered_classifier_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "folder", lambda: tmp_path)
    folder = tmp_path / "classifiers"
    for name in ("mine", "yours"):
        classifiers.save(classifiers.network(), folder, name, {"test_accuracy": 10.0})
    x = np.zeros((1, 28, 28, 1))
    assert evaluation.classifier("mine").predict(x, verbose=0).shape == (1, 10)
    path = folder / "mine.npz"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="mine.npz with the sha256 .*Received: "):
        evaluation.classifier("mine")
    evaluation.classifier("yours")
    with pytest.raises(ValueError, match="mine, yours. Received: 'digits'"):
        evaluation.classifier("digits")


@pytest.mark.full_data
@pytest.mark.parametrize("name", KNOWN)
def test_the_classifier_keeps_its_promise(name):
    x, y = datasets.load(name)[1]
    found = evaluation.classifier(name).predict(x / 255, batch_size=500, verbose=0).argmax(axis=1)
    accuracy = 100 * np.mean(found == y)
    about = json.loads((zoo.folder() / "classifiers" / "classifiers.json").read_text())[name]
    assert accuracy >= LEAST[name] and accuracy == pytest.approx(about["test_accuracy"], abs=0.05)


@pytest.mark.full_data
@pytest.mark.parametrize("name", KNOWN)
def test_noise_and_blur_make_every_number_worse_in_order(name):
    """Real test images are the best that can be drawn."""
    x = datasets.load(name)[1][0][:1000] / 255
    noise = np.random.default_rng(0).normal(size=x.shape)
    worse = {
        "noise": [np.clip(x + scale * noise, 0, 1) for scale in (0.15, 0.3, 0.6)],
        "blur": [ndimage.gaussian_filter(x, (0, s, s, 0)) for s in (0.7, 1.2, 2.0)],
    }
    best = {m["name"]: m["value"] for m in sample_metrics.judge(x, name, 1000)}
    for kind, sets in worse.items():
        rows = [
            best,
            *({m["name"]: m["value"] for m in sample_metrics.judge(s, name, 1000)} for s in sets),
        ]
        for metric, sign in (("recognisable", -1), ("frechet_distance", 1), ("precision", -1)):
            values = [sign * row[metric] for row in rows]
            assert np.all(np.diff(values) > 0), (kind, metric, values)


@pytest.mark.full_data
@pytest.mark.parametrize("name", KNOWN)
def test_the_classifier_is_not_sure_of_what_is_no_picture(name):
    x = datasets.load(name)[1][0][:1000] / 255
    noise = np.random.default_rng(0).random(x.shape)
    halves = np.concatenate([x[:500, :14], x[500:, 14:]], axis=1)
    two = (x[:500] + x[500:]) / 2
    for images, most in ((noise, 1), (np.zeros((1, 28, 28, 1)), 0), (two, 50), (halves, 80)):
        assert evaluation.recognisable(images, name) <= most


# The numbers of cards


@pytest.fixture
def stand_in(monkeypatch):
    """Images of 8 x 8 with a classifier that says how bright an image is."""
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1)).astype("uint8")
    monkeypatch.setattr(datasets, "load", lambda name: ((images, None), (images, None)))
    means = lambda x: np.mean(x, axis=(1, 3))  # noqa: E731
    sure = lambda x: np.stack([np.max(x, axis=(1, 2, 3)), 1 - np.max(x, axis=(1, 2, 3))], axis=1)  # noqa: E731
    layers = {classifiers.FEATURES: means, classifiers.PROBABILITIES: sure}
    monkeypatch.setattr(classifiers, "outputs", lambda name, layer: layers[layer])
    monkeypatch.setattr(classifiers, "SHAPE", (8, 8, 1))
    return images


def test_what_a_model_draws_is_measured_and_measured_again(stand_in):
    vae = keras_ae.VAE((8, 8, 1), 3, widths=(16,), likelihood="gaussian")
    found = evaluation.measure_samples(vae, "mine", n_drawn=30, n_images=50, seed=3)
    drawn = np.clip(vae.sample(30, seed=3), 0, 1)
    assert drawn.min() == 0  # a Gaussian's mean leaves [0, 1]
    means = np.mean(stand_in[:50] / 255.0, axis=(1, 3)), drawn.mean(axis=(1, 3))
    precision, recall = by_loops(*means, 3)
    assert {m["name"]: m["value"] for m in found} == pytest.approx(
        {
            "recognisable": 100 * np.mean(np.abs(drawn.max(axis=(1, 2, 3)) - 0.5) >= 0.45),
            "frechet_distance": evaluation.frechet_distance(*means),
            "precision": precision,
            "recall": recall,
        },
        rel=1e-4,
    )
    for measured in found:
        assert evaluation.measure(vae, measured) == measured
        compared = {} if measured["name"] == "recognisable" else {"n_images": 50}
        assert measured["protocol"] == dict(dataset="mine", n_drawn=30, seed=3, **compared)
        assert measured["name"] in evaluation.TOLERANCES and measured["standard_error"] >= 0
    quick = evaluation.quick(
        vae, {**found[0], "protocol": {**found[0]["protocol"], "n_drawn": 900}}
    )
    assert quick["protocol"]["n_drawn"] == 500


def test_the_error_of_the_frechet_distance_is_that_of_repeated_draws():
    rng = np.random.default_rng(0)
    values, errors = zip(
        *(
            sample_metrics._frechet(rng.normal(size=(200, 3)), 1 + rng.normal(size=(200, 3)))
            for _ in range(40)
        ),
        strict=True,
    )
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.3)


def test_a_model_that_draws_nothing_is_refused(stand_in):
    with pytest.raises(ValueError, match="that draws images by `sample`. Received: AE"):
        evaluation.measure_samples(keras_ae.AE((8, 8, 1), 3, widths=(16,)), "mine")
