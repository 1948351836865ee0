"""Migrations: the steps that bring the tables of an older ledger up to date."""
