"""Reports: one self-contained HTML file on a run, a walk-forward test or a batch.

A report is made from what is stored alone: nothing is trained and no connection is
opened. The file needs nothing beside it, neither style sheets nor scripts nor images.
"""
