"""The web page of the ledger: read only, and nothing that is not in the ledger."""
