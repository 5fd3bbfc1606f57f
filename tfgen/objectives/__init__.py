"""Mathematics as functions: losses, bounds, likelihoods, games, penalties."""
