"""The commands that export: flags in, one call of the library, words out."""
