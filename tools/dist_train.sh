#!/usr/bin/env bash
# Train in several processes of one machine or more: tools/dist_train.sh CONFIG PROCESSES [options of tools/train.py]
# On several machines set NNODES, NODE_RANK, MASTER_ADDR and PORT. Without a GPU the processes share the CPU (gloo).
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,3s/^# //p' "$0" >&2
    exit 2
fi
config=$1 processes=$2
shift 2
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" --nproc_per_node="$processes" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
