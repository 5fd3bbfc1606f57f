"""Metrics of generative models: functions of arrays, in float64, that download nothing.

| module | what it measures |
|---|---|
| `likelihood` | bits per dimension, standard error, KL and activity of code units |
| `distances` | Frechet and kernel distances of features |
| `neighbours` | precision and recall, density and coverage, two-sample test, memorisation |
| `classes` | classifier score, class shares and their entropy |
| `modes` | modes of 2-D mixtures |
| `reconstruction` | MSE, PSNR, SSIM |
| `codes`, `disentanglement` | probes; MIG, DCI, FactorVAE score, SAP |
| `features`, `textures` | what images are compared in |
| `baselines`, `novelty` | trivial generators; anomaly scores |
| `published` | FID, inception score, KID and PRDC by the counts of papers |
| `errors` | standard errors by parts of the samples |
| `catalogue`, `diagnosis` | names and units; sentences about what is wrong |

`tfgen.evaluation` applies them to a model.
"""
