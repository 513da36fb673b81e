"""Pages: typed view models in, HTML or the same as JSON out."""
