"""Data in, Plotly figure out; nothing else."""
