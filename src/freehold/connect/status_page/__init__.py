"""Status page: how products are that say so in their file, for everybody, from evidence alone."""

from freehold.connect.status_page.reading import status_page
from freehold.connect.status_page.standing import Day, PublicIncident, PublicProduct, Standing, StatusPage, Update
from freehold.connect.status_page.writing import files_of

__all__ = [
    "Day",
    "PublicIncident",
    "PublicProduct",
    "Standing",
    "StatusPage",
    "Update",
    "files_of",
    "status_page",
]
