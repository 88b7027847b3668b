"""Runs: what is kept of them (store), who trains them (executor), who steers them (supervisor)."""
