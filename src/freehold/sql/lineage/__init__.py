"""Column lineage: which columns of tables every column that a text of SQL gives comes from, and how.

One bottom-up pass over the parsed text. A name that several tables could mean is counted and left out, never guessed
at; what is not known of a table's columns passes through a star as a star. The kinds are those of OpenLineage's
`columnLineage` facet: direct (identity, transformation, aggregation), and indirect for what only decides.
"""

import logging

from freehold.sql.lineage.apart import Reader, packed, unpacked
from freehold.sql.lineage.reading import Influence, Lineage, Output, Source, lineage_of
from freehold.sql.lineage.relations import Use

# sqlglot tells of every statement it only carries; what was not read is told in a Lineage instead.
logging.getLogger("sqlglot").addHandler(logging.NullHandler())

__all__ = ["Influence", "Lineage", "Output", "Reader", "Source", "Use", "lineage_of", "packed", "unpacked"]
