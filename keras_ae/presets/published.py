"""Published numbers to compare with ours. `OURS` marks baselines that we computed on the data.

A row is compared with measurements of the same metric on the same data set, with the same kind
of pixels: grey (and colour), or binarised.
"""

IWAE = "Burda et al., IWAE, 2016"
EXEMPLAR = "Norouzi et al., Exemplar VAE, 2020"
SCIENCE = "Hinton & Salakhutdinov, Science, 2006"
DEC_KERAS = "github.com/XifengGuo/DEC-keras, all 70,000 images"
VADE = "Jiang et al., VaDE, 2017, all 70,000 images"
OURS = "computed for this library"
REAL = "3,000 test images in place of samples"
DYNAMIC, GREY = "dynamically binarised", "grey"

# (metric, data set, pixels, model, value, source)
ROWS = [
    ("nll", "mnist", DYNAMIC, "VAE, tanh 200-200, z = 50", 86.76, IWAE),
    ("nll", "mnist", DYNAMIC, "IWAE with 50 samples, the same network", 84.78, IWAE),
    ("nll", "mnist", DYNAMIC, "VAE, gated 300-300, z = 40", 84.45, EXEMPLAR),
    ("nll", "mnist", DYNAMIC, "VAE, gated 300-300, z = 40, VampPrior", 82.43, EXEMPLAR),
    ("nll", "mnist", DYNAMIC, "HVAE, 40 + 40", 82.39, EXEMPLAR),
    ("nll", "mnist", DYNAMIC, "HVAE, 40 + 40, VampPrior", 81.56, EXEMPLAR),
    ("nll", "mnist", DYNAMIC, "convolutional HVAE", 80.52, EXEMPLAR),
    ("nll", "mnist", DYNAMIC, "convolutional HVAE, VampPrior", 79.67, EXEMPLAR),
    ("nll", "fashion_mnist", DYNAMIC, "VAE, gated 300-300, z = 40", 228.70, EXEMPLAR),
    ("nll", "fashion_mnist", DYNAMIC, "VAE, gated 300-300, z = 40, VampPrior", 227.35, EXEMPLAR),
    ("nll", "fashion_mnist", DYNAMIC, "HVAE, 40 + 40", 227.37, EXEMPLAR),
    ("nll", "fashion_mnist", DYNAMIC, "HVAE, 40 + 40, VampPrior", 226.72, EXEMPLAR),
    ("nll", "fashion_mnist", DYNAMIC, "convolutional HVAE", 225.38, EXEMPLAR),
    ("nll", "fashion_mnist", DYNAMIC, "convolutional HVAE, VampPrior", 224.67, EXEMPLAR),
    (
        "negative_elbo",
        "mnist",
        GREY,
        "VAE of keras.io, z = 2, on training and test images",
        146.95,
        "keras.io, Variational AutoEncoder",
    ),
    ("mse", "mnist", GREY, "PCA, 32 dimensions", 0.01683, OURS),
    ("mse", "mnist", GREY, "PCA, 64 dimensions", 0.00905, OURS),
    ("mse", "fashion_mnist", GREY, "PCA, 32 dimensions", 0.01514, OURS),
    ("mse", "fashion_mnist", GREY, "PCA, 64 dimensions", 0.01037, OURS),
    ("mse", "emoji", GREY, "PCA, 320 dimensions", 0.00754, OURS),
    ("sse", "mnist", GREY, "PCA, 30 dimensions", 13.87, SCIENCE),
    ("sse", "mnist", GREY, "logistic PCA, 30 dimensions", 8.01, SCIENCE),
    ("sse", "mnist", GREY, "autoencoder 784-1000-500-250-30", 3.00, SCIENCE),
    ("psnr", "mnist", GREY, "the noisy image itself", 9.37, OURS),
    ("psnr", "mnist", GREY, "best linear denoiser, clipped", 17.58, OURS),
    ("psnr", "fashion_mnist", GREY, "the noisy image itself", 9.29, OURS),
    ("psnr", "fashion_mnist", GREY, "best linear denoiser, clipped", 17.36, OURS),
    ("bits_per_dimension", "emoji", GREY, "PNG files", 2.43, OURS),
    ("psnr", "emoji", GREY, "PCA, 64 dimensions", 17.55, OURS),
    ("psnr", "emoji", GREY, "PCA, 320 dimensions", 21.22, OURS),
    ("recognisable", "mnist", GREY, REAL, 93.33, OURS),
    ("frechet_distance", "mnist", GREY, REAL, 0.26, OURS),
    ("precision", "mnist", GREY, REAL, 85.70, OURS),
    ("recall", "mnist", GREY, REAL, 86.33, OURS),
    ("recognisable", "fashion_mnist", GREY, REAL, 77.33, OURS),
    ("frechet_distance", "fashion_mnist", GREY, REAL, 0.09, OURS),
    ("precision", "fashion_mnist", GREY, REAL, 87.47, OURS),
    ("recall", "fashion_mnist", GREY, REAL, 86.20, OURS),
    (
        "step_mse",
        "omniglot_strokes",
        GREY,
        "PCA, 24 dimensions, padding filled with the mean of the step",
        0.02321,
        OURS,
    ),
    ("cluster_accuracy", "mnist", GREY, "k-means on pixels", 53.4, DEC_KERAS),
    ("cluster_accuracy", "mnist", GREY, "autoencoder, then k-means", 87.9, DEC_KERAS),
    ("cluster_accuracy", "mnist", GREY, "DEC", 91.2, DEC_KERAS),
    ("cluster_accuracy", "mnist", GREY, "VaDE", 94.46, VADE),
]


def beside(measurement):
    """The published numbers to compare a measurement with.

    Args:
        measurement: dict, from `keras_ae.evaluation`.

    Returns:
        list of (model, value, source), in the order of `ROWS`.
    """
    protocol = measurement["protocol"]
    pixels = GREY if protocol.get("binarize_seed") is None else DYNAMIC
    wanted = (measurement["name"], protocol["dataset"], pixels)
    on_test = protocol.get("split", "test") == "test"
    return [row[3:] for row in ROWS if row[:3] == wanted and on_test]
