"""Data in; a Plotly figure, or what another picture shows, out; nothing else."""
