"""The commands that train and look at runs: flags in, one call of the library, words out."""
