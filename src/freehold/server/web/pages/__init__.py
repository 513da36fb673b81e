"""One file a page: from a snapshot of the estate to the view model that its template shows."""
