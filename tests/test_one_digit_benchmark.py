import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from benchmarks import one_digit

TRAIN, TEST = (
    np.random.default_rng(seed).random((n, 12, 12, 1)).astype("float32")
    for seed, n in ((0, 90), (1, 20))
)


def test_the_peers_are_scikit_learns():
    flat, new = (x.reshape(len(x), -1) for x in (TRAIN, TEST))
    distances = NearestNeighbors(n_neighbors=5).fit(flat).kneighbors(new)[0]
    scores = one_digit.neighbours(TRAIN, TEST)
    for k in one_digit.NEIGHBOURS:
        mine = scores[f"nearest neighbours, k = {k}"]
        np.testing.assert_allclose(mine, distances[:, k - 1] ** 2, rtol=1e-4)
    pca = PCA(20).fit(flat)
    error = np.square(new - pca.inverse_transform(pca.transform(new))).sum(axis=1)
    scores = one_digit.components(TRAIN, TEST)
    np.testing.assert_allclose(scores["principal components, n = 20"], error, rtol=1e-3)
    assert len(scores) == 3 * len(one_digit.COMPONENTS)


def test_ours_scores_images(monkeypatch):
    zero = one_digit.denoiser(TRAIN, steps=1)
    zero.set_weights([0 * weight for weight in zero.get_weights()])
    monkeypatch.setattr(one_digit, "denoiser", lambda x, steps: zero)
    scores = one_digit.ours(TRAIN, TEST)[one_digit.OURS]
    squares = np.square(one_digit.blurred(TEST)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(scores, squares / np.square(TEST).sum(axis=(1, 2, 3)), rtol=1e-5)


def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    labels = np.arange(20) % 10
    images = {"x_train": np.zeros((20, 3, 3)), "x_test": np.zeros((20, 3, 3)), "y_train": labels}
    images["x_test"][labels == 4] = 255
    calls = []

    def darkness(train, test):
        calls.append(len(train))
        return {"dark": -test.sum(axis=(1, 2, 3))}

    monkeypatch.setitem(one_digit.GROUPS, "ours", darkness)
    arguments = images | {"y_test": labels}, range(10), ["ours"], tmp_path / "one.json"
    rows = one_digit.measure(*arguments)
    assert calls == [2] * 10 and one_digit.measure(*arguments) == rows and len(calls) == 10
    assert rows[4]["auroc"] == {"dark": 100.0}
    mean = np.mean([row["auroc"]["dark"] for row in rows])
    assert f"**{mean:.2f}**" in one_digit.report(rows)
    assert "not all measured" in one_digit.report(rows[:9])


def test_the_report_has_the_best_k_by_the_mean():
    rows = [{"digit": 0, "auroc": {"a, k = 1": 50.0, "a, k = 2": 60.0, "b": 10.0}}]
    text = one_digit.report(rows)
    assert "| a, k = 2 | 60.0 |" in text and "k = 1 |" not in text and "| b | 10.0 |" in text
