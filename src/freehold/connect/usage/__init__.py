"""What warehouses and tools of business intelligence recorded of who read what, as events of use.

Three kinds of record: a history tells each statement, counters tell how often each shape of a statement ran since they
were reset, and views tell who looked at which dashboard. A format for each; none asks a server but for counters, and
those only of a warehouse that the estate already declares. No text of a statement is kept: it is read, and gone.
"""

from freehold.connect.usage.formats import FORMATS
from freehold.connect.usage.importing import Imported, import_counters, import_file

__all__ = ["FORMATS", "Imported", "import_counters", "import_file"]
