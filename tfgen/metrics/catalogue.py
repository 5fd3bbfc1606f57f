"""What each number is called, which way is better, and what it means: one row a metric."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Metric:
    """A row: what a number is.

    Args: key, in metrics.json; title; unit; better, "lower", "higher" or ""; digits after the
      point; meaning, one sentence.
    """

    key: str
    title: str
    unit: str
    better: str
    digits: int
    meaning: str


GROUPS = {
    "likelihood": [
        Metric(
            "nll", "NLL", "nats", "lower", 2,
            "-log p(x), the mean over held-out images; see `nll_kind` for whether it is "
            "exact or a bound",
        ),
        Metric(
            "neg_elbo", "negative ELBO", "nats", "lower", 2,
            "of the model as it samples: its own prior and a weight of 1, whatever was trained; an "
            "upper bound on the NLL",
        ),
        Metric(
            "bits_per_dim", "bits/dim", "bits", "lower", 3,
            "the NLL per pixel and channel",
        ),
        Metric(
            "nll_error", "standard error", "nats", "", 2,
            "of the NLL, over the held-out images and the draws of its bound",
        ),
        Metric(
            "bound_error", "standard error by draws", "nats", "", 2,
            "of the NLL, where it is a bound: how far other draws, for the same images, would move "
            "it",
        ),
        Metric(
            "neg_elbo_error", "standard error of the negative ELBO", "nats", "", 2,
            "over the held-out images and its draws",
        ),
        Metric(
            "nll_reverse", "NLL by reverse AIS", "nats", "lower", 2,
            "the NLL with Z from annealing backwards, on average too high, as that by AIS is too "
            "low; modes that no chain has met are in neither",
        ),
        Metric(
            "log_z_error", "error of log Z", "nats", "", 3,
            "standard error of log Z by AIS, of the chains that were run; too small with few "
            "effective ones",
        ),
        Metric(
            "log_z_chains", "effective chains", "", "higher", 0,
            "of 256, that log Z by AIS rests on",
        ),
        Metric(
            "kl_to_truth", "KL to the truth", "nats", "lower", 3,
            "KL(data || model) of densities, where that of the data is known",
        ),
        Metric(
            "nll_given_label", "NLL given the label", "nats", "lower", 2,
            "-log p(x|y) of held-out images and their labels",
        ),
        Metric(
            "bayes_accuracy", "accuracy by Bayes' rule", "", "higher", 3,
            "share of held-out images whose label has the greatest p(x|y) p(y)",
        ),
    ],
    "samples": [
        Metric(
            "frechet", "FDC", "", "lower", 2,
            "Frechet distance between classifier features of samples and of held-out images",
        ),
        Metric(
            "fid", "FID", "", "lower", 2,
            "Frechet distance of the features of the file of weights, against held-out images",
        ),
        Metric(
            "fid_train", "FID against training images", "", "lower", 2,
            "the same against as many training images, as most papers have it",
        ),
        Metric(
            "inception_score", "inception score", "", "higher", 2,
            "exp E KL(p(y|x) || p(y)) by the logits of the file of weights, the mean of 10 splits",
        ),
        Metric(
            "is_spread", "inception score spread", "", "", 2,
            "standard deviation of the inception score over its splits",
        ),
        Metric(
            "kid", "KID", "", "lower", 3,
            "unbiased kernel distance of the same features; may be negative",
        ),
        Metric(
            "kid_spread", "KID spread", "", "", 3,
            "standard deviation of the KID over 100 subsets",
        ),
        *(
            Metric(
                f"swd_{side}", f"SWD {side}", "", "lower", 2,
                f"1,000 times the sliced Wasserstein distance of patches at {side} pixels a side",
            )
            for side in (16, 32, 64, 128)
        ),
        Metric(
            "precision", "precision", "", "higher", 3,
            "share of samples near a real image (k = 3; 5 with `inception`, as published)",
        ),
        Metric(
            "recall", "recall", "", "higher", 3,
            "share of real images near a sample (k = 3; 5 with `inception`, as published)",
        ),
        Metric(
            "density", "density", "", "higher", 3,
            "how densely real images lie around samples (k = 5); 1 for the data",
        ),
        Metric(
            "coverage", "coverage", "", "higher", 3,
            "share of real images with a sample among their neighbours (k = 5); 0.97 for "
            "draws of the same images",
        ),
        Metric(
            "two_sample", "1-NN accuracy", "", "lower", 3,
            "how well a nearest neighbour tells samples from data; 0.5 for the data",
        ),
        Metric(
            "score", "classifier score", "", "higher", 2,
            "exp E KL(p(y|x) || p(y)), the inception score on this classifier; from 1 to "
            "the number of classes",
        ),
        Metric(
            "class_entropy", "class entropy", "nats", "higher", 3,
            "of the classes that samples fall into",
        ),
        Metric(
            "rarest_class", "rarest class", "", "higher", 3,
            "the share of samples in the class that has fewest",
        ),
        Metric(
            "copy_ratio", "distance to training images", "", "", 2,
            "the median over samples, over that of held-out images; 0 for copies",
        ),
        Metric(
            "copies", "near copies", "", "lower", 3,
            "share of samples nearer to a training image than 99 % of held-out images are; "
            "1 for copies",
        ),
        Metric(
            "label_accuracy", "label accuracy", "", "higher", 3,
            "share of samples that the classifier takes for the label they were asked to be",
        ),
        Metric(
            "cas", "CAS", "", "higher", 3,
            "accuracy on held-out images of a classifier trained on samples alone",
        ),
    ],
    "translations": [
        *(
            Metric(
                f"{key}_{letter}", f"{title} {arrow}", "", better, digits, meaning
            )
            for key, title, better, digits, meaning in (
                (
                    "frechet", "FDC", "lower", 2,
                    "Frechet distance between features of translations and of held-out images of "
                    "that domain",
                ),
                (
                    "translation_error", "error", "lower", 4,
                    "mean absolute difference of a pixel in [0, 1] from the true translation, "
                    "which training never saw",
                ),
                (
                    "labels_kept", "labels kept", "higher", 3,
                    "share of translations that a classifier of that domain takes for the label of "
                    "the image that they were made of",
                ),
            )
            for letter, arrow in (("y", "X to Y"), ("x", "Y to X"))
        ),
        Metric(
            "cycle_error", "cycle error", "", "lower", 4,
            "mean absolute difference of an image from itself, there and back",
        ),
    ],
    "captions": [
        *(
            Metric(
                f"caption_{what}", f"{what} as said", "", "higher", 3,
                f"share of samples that show the {what} of their held-out caption, read by a "
                "classifier of real images",
            )
            for what in ("shape", "colour", "scale", "position")
        ),
        Metric(
            "caption_all", "all as said", "", "higher", 3,
            "share of samples that show all that their caption says",
        ),
        Metric(
            "r_precision", "R-precision", "", "higher", 3,
            "how often the sample's own caption is the likeliest of 100 under that classifier",
        ),
        Metric(
            "word_obeyed", "changed word obeyed", "", "higher", 3,
            "from the same seed with one word of the caption changed, how often that is then seen",
        ),
        Metric(
            "word_kept", "the rest kept", "", "higher", 3,
            "how often each other thing that the caption says is then seen as before",
        ),
        Metric(
            "seeds_differ", "seeds differ", "", "", 3,
            "how much images of one caption differ from seed to seed, over real ones of one "
            "caption; 1 for the data",
        ),
        Metric(
            "picture_found", "picture found", "", "higher", 3,
            "how often the picture of the sample's own held-out caption is the nearest to it of up "
            "to 100 captions' pictures, in features",
        ),
        Metric(
            "picture_nearer", "picture nearer", "", "higher", 3,
            "how often it is nearer than one other of these; 0.5 by chance",
        ),
    ],
    "modes": [
        Metric(
            "modes", "modes covered", "", "higher", 0,
            "modes with a sample within 3 sigma",
        ),
        Metric(
            "high_quality", "high quality", "", "higher", 4,
            "share of samples within 3 sigma of a mode; 0.9889 for the data",
        ),
        Metric(
            "reverse_kl", "KL of modes", "nats", "lower", 4,
            "of the shares that the modes get, from the data's",
        ),
    ],
    "codes": [
        Metric(
            "mse", "reconstruction MSE", "", "lower", 4,
            "squared error of a pixel in [0, 1]",
        ),
        Metric(
            "psnr", "reconstruction PSNR", "dB", "higher", 2,
            "the mean over images",
        ),
        Metric(
            "ssim", "reconstruction SSIM", "", "higher", 3,
            "structural similarity, at most 1",
        ),
        Metric(
            "denoised_psnr", "denoised PSNR", "dB", "higher", 2,
            "of corrupted held-out images once the model has cleaned them",
        ),
        Metric(
            "probe", "linear probe", "", "higher", 3,
            "held-out accuracy of a logistic regression on codes",
        ),
        Metric(
            "knn", "5-NN", "", "higher", 3,
            "held-out accuracy of 5 nearest neighbours in code space",
        ),
        Metric(
            "active_units", "active units", "", "", 0,
            "code units whose mean varies over images by more than 0.01",
        ),
        Metric(
            "kl", "KL", "nats", "", 2,
            "of the codes from the model's own prior, the mean over images",
        ),
        Metric(
            "prior_two_sample", "1-NN accuracy of codes", "", "lower", 3,
            "how well a nearest neighbour tells codes of held-out images from those that samples "
            "are made of; 0.5 if they are alike",
        ),
        Metric(
            "cluster_ari", "adjusted Rand index", "", "higher", 3,
            "agreement of codes found without labels with the classes of held-out images; 0 by "
            "chance, 1 if they are the same",
        ),
        Metric(
            "codebook_perplexity", "codebook perplexity", "", "higher", 1,
            "exp of the entropy of the codes' shares; the size of the book if all are used alike",
        ),
        Metric(
            "mig", "MIG, training codes", "", "higher", 3,
            "mutual information gap: the factor's entropy that one unit alone knows; of the codes "
            "of the training split",
        ),
        Metric(
            "dci_disentanglement", "DCI disentanglement", "", "higher", 3,
            "each unit serves one factor",
        ),
        Metric(
            "dci_completeness", "DCI completeness", "", "higher", 3,
            "each factor is served by one unit",
        ),
        Metric(
            "dci_informativeness", "DCI informativeness", "", "higher", 3,
            "accuracy of a random forest that reads the factors from the codes",
        ),
        Metric(
            "factor_vae", "FactorVAE score, training codes", "", "higher", 3,
            "accuracy of telling the fixed factor by the unit of least variance; of the codes of "
            "the training split",
        ),
        Metric(
            "sap", "SAP", "", "higher", 3,
            "gap in accuracy between the two units that tell a factor best",
        ),
    ],
}  # fmt: skip

# Numbers whose standard error over images is a result of its own.
ERRORS = {"nll": "nll_error", "neg_elbo": "neg_elbo_error"}

METRICS = {metric.key: metric for group in GROUPS.values() for metric in group}


def text(key: str, value: float | None) -> str:
    """A number as tables show it."""
    if value is None:
        return ""
    metric = METRICS[key]
    return f"{value:.{metric.digits}f}"
