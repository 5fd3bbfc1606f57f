"""Numbers of others on the data sets of our tables, each with its source and what differs."""

BOOK = "https://github.com/jmtomczak/intro_dgm"
GLOW = "https://arxiv.org/abs/1810.09136"
DIGITS = "https://archive.ics.uci.edu/dataset/80"

# Measured by us with the PyTorch code of "Deep Generative Modeling" (J. Tomczak, Springer 2022), on
# the same split and the same 17 levels; that code prints no outputs of its own.
PUBLISHED = {
    "digits": [
        ("causal convolutions, book code", BOOK, "exact", {"nll": 86.62}),
        ("RealNVP, book code (uniform dequantisation)", BOOK, "lower bound", {"nll": 123.00}),
        ("VAE, book code (ELBO)", BOOK, "lower bound", {"neg_elbo": 96.37}),
        ("hierarchical VAE, book code (ELBO)", BOOK, "lower bound", {"neg_elbo": 96.59}),
    ],
    # 2.958 bits/dim.
    "fashion_mnist": [
        ("Glow, as trained by Nalisnick et al. 2019", GLOW, "lower bound", {"nll": 1607.5}),
    ],
    # Measured by us: Bernoulli mixtures of 10 to 100 components by EM, the best of them; images
    # thresholded at 8 of 16.
    "digits_binary": [
        ("independent Bernoulli", DIGITS, "exact", {"nll": 24.91}),
        ("Bernoulli mixture, K = 50 (EM)", DIGITS, "exact", {"nll": 18.93}),
    ],
}
