"""The forecasting models: recurrent networks and the baselines beside them."""
