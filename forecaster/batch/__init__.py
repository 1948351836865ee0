"""The batch: many tickers, each evening, from the source to the ledger."""
