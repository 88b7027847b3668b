#!/bin/sh
# Serves the pages. Arguments go to `streamlit run app.py`. Where RAY_HEAD names the head of a Ray
# cluster, host:port, this container first becomes a node of it that trains nothing itself, which is
# what PLAYGROUND_EXECUTOR=ray with PLAYGROUND_RAY_ADDRESS=auto asks for.
set -eu
if [ -n "${RAY_HEAD:-}" ]; then
    ray start --address="$RAY_HEAD" --num-cpus=0
fi
# The server takes this shell's place, so that it gets SIGTERM itself.
exec streamlit run app.py --server.headless true --server.address 0.0.0.0 "$@"
