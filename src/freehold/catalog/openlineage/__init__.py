"""What other tools tell as OpenLineage has it: read event by event, merged by run, and drawn into the catalog.

Three steps, each of which can be made again: an event is read (`reading`), what it says is merged into what its run,
job and data sets said before (`merging`, kept by `keeping`), and that becomes entries and jobs of the catalog
(`drawing`). Whoever asks for what was told as it was told asks `asking`.
"""
