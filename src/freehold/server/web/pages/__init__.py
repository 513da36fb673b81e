"""One file a page: from a reading of the estate to the view model that its template shows."""
