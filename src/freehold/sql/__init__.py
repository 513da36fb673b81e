"""The SQL kernel: parse, normalise, fingerprint. Reaches no database."""
