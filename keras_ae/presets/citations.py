"""The papers behind the models: which class and which part came from where, as BibTeX."""

# key: (kind of entry, fields)
PAPERS = {
    "hinton2006": (
        "article",
        {
            "title": "Reducing the dimensionality of data with neural networks",
            "author": "Hinton, Geoffrey E. and Salakhutdinov, Ruslan R.",
            "journal": "Science",
            "volume": "313",
            "number": "5786",
            "pages": "504--507",
            "year": "2006",
        },
    ),
    "vincent2008": (
        "inproceedings",
        {
            "title": "Extracting and composing robust features with denoising autoencoders",
            "author": "Vincent, Pascal and Larochelle, Hugo and Bengio, Yoshua and "
            "Manzagol, Pierre-Antoine",
            "booktitle": "International Conference on Machine Learning",
            "year": "2008",
        },
    ),
    "ng2011": (
        "misc",
        {
            "title": "Sparse autoencoder",
            "author": "Ng, Andrew",
            "howpublished": "CS294A lecture notes, Stanford University",
            "year": "2011",
        },
    ),
    "makhzani2014": (
        "inproceedings",
        {
            "title": "k-Sparse autoencoders",
            "author": "Makhzani, Alireza and Frey, Brendan",
            "booktitle": "International Conference on Learning Representations",
            "year": "2014",
        },
    ),
    "rifai2011": (
        "inproceedings",
        {
            "title": "Contractive auto-encoders: explicit invariance during feature extraction",
            "author": "Rifai, Salah and Vincent, Pascal and Muller, Xavier and Glorot, Xavier and "
            "Bengio, Yoshua",
            "booktitle": "International Conference on Machine Learning",
            "year": "2011",
        },
    ),
    "ghosh2020": (
        "inproceedings",
        {
            "title": "From variational to deterministic autoencoders",
            "author": "Ghosh, Partha and Sajjadi, Mehdi S. M. and Vergari, Antonio and "
            'Black, Michael and Sch{\\"o}lkopf, Bernhard',
            "booktitle": "International Conference on Learning Representations",
            "year": "2020",
        },
    ),
    "sutskever2014": (
        "inproceedings",
        {
            "title": "Sequence to sequence learning with neural networks",
            "author": "Sutskever, Ilya and Vinyals, Oriol and Le, Quoc V.",
            "booktitle": "Advances in Neural Information Processing Systems",
            "year": "2014",
        },
    ),
    "kingma2014": (
        "inproceedings",
        {
            "title": "Auto-encoding variational {Bayes}",
            "author": "Kingma, Diederik P. and Welling, Max",
            "booktitle": "International Conference on Learning Representations",
            "year": "2014",
        },
    ),
    "kingma2014semi": (
        "inproceedings",
        {
            "title": "Semi-supervised learning with deep generative models",
            "author": "Kingma, Diederik P. and Rezende, Danilo J. and Mohamed, Shakir and "
            "Welling, Max",
            "booktitle": "Advances in Neural Information Processing Systems",
            "year": "2014",
        },
    ),
    "tomczak2018": (
        "inproceedings",
        {
            "title": "{VAE} with a {VampPrior}",
            "author": "Tomczak, Jakub M. and Welling, Max",
            "booktitle": "International Conference on Artificial Intelligence and Statistics",
            "year": "2018",
        },
    ),
    "papamakarios2017": (
        "inproceedings",
        {
            "title": "Masked autoregressive flow for density estimation",
            "author": "Papamakarios, George and Pavlakou, Theo and Murray, Iain",
            "booktitle": "Advances in Neural Information Processing Systems",
            "year": "2017",
        },
    ),
    "oord2017": (
        "inproceedings",
        {
            "title": "Neural discrete representation learning",
            "author": "van den Oord, Aaron and Vinyals, Oriol and Kavukcuoglu, Koray",
            "booktitle": "Advances in Neural Information Processing Systems",
            "year": "2017",
        },
    ),
    "razavi2019": (
        "inproceedings",
        {
            "title": "Generating diverse high-fidelity images with {VQ-VAE-2}",
            "author": "Razavi, Ali and van den Oord, Aaron and Vinyals, Oriol",
            "booktitle": "Advances in Neural Information Processing Systems",
            "year": "2019",
        },
    ),
    "guo2017": (
        "inproceedings",
        {
            "title": "Improved deep embedded clustering with local structure preservation",
            "author": "Guo, Xifeng and Gao, Long and Liu, Xinwang and Yin, Jianping",
            "booktitle": "International Joint Conference on Artificial Intelligence",
            "year": "2017",
        },
    ),
    "jiang2017": (
        "inproceedings",
        {
            "title": "Variational deep embedding: an unsupervised and generative approach to "
            "clustering",
            "author": "Jiang, Zhuxi and Zheng, Yin and Tan, Huachun and Tang, Bangsheng and "
            "Zhou, Hanning",
            "booktitle": "International Joint Conference on Artificial Intelligence",
            "year": "2017",
        },
    ),
    "gregor2019": (
        "inproceedings",
        {
            "title": "Temporal difference variational auto-encoder",
            "author": "Gregor, Karol and Papamakarios, George and Besse, Frederic and "
            "Buesing, Lars and Weber, Theophane",
            "booktitle": "International Conference on Learning Representations",
            "year": "2019",
        },
    ),
}
# The paper of a class or of a part, as the card names them.
OF = {
    "AE": "hinton2006",
    "DAE": "vincent2008",
    "SparseAE": "ng2011",
    "KSparseAE": "makhzani2014",
    "ContractiveAE": "rifai2011",
    "RAE": "ghosh2020",
    "SequenceAE": "sutskever2014",
    "VAE": "kingma2014",
    "HVAE": "tomczak2018",
    "ConditionalVAE": "kingma2014semi",
    "VQVAE": "oord2017",
    "VQVAE2": "razavi2019",
    "IDEC": "guo2017",
    "VaDE": "jiang2017",
    "TDVAE": "gregor2019",
    "AutoregressiveFlow": "papamakarios2017",
    "VampPrior": "tomczak2018",
}


def cited(names):
    """The papers of classes and parts: an iterable of names -> a list of BibTeX entries."""
    keys = dict.fromkeys(OF[name] for name in names if name in OF)
    return [bibtex(key) for key in keys]


def bibtex(key):
    """One paper as a BibTeX entry: a str of several lines."""
    kind, fields = PAPERS[key]
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])
