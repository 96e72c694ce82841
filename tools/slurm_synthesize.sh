#!/usr/bin/env bash
#SBATCH --job-name=synthesize
#SBATCH --array=1-16
#SBATCH --cpus-per-task=8
# Render a config's pairs on several machines: sbatch tools/slurm_synthesize.sh CONFIG [options of tools/synthesize.py]
# Each task of the array renders a part into one folder; sbatch's own options, such as --array=1-4, go before the script.
set -euo pipefail
if [ $# -lt 1 ] || [ -z "${SLURM_ARRAY_TASK_ID:-}" ]; then
    sed -n '5,6s/^# //p' "$0" >&2
    exit 2
fi
config=$1
shift
exec "${PYTHON:-python}" "${TOOLS:-tools}/synthesize.py" "$config" \
    --part "$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN + 1))/$SLURM_ARRAY_TASK_COUNT" "$@"
