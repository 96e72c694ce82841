#!/usr/bin/env bash
# Test, time and profile on a GPU: tools/gpu_report.sh [--device cpu] [FOLDER]
#
# FOLDER (default: work_dirs/gpu_report) gets at most 8 files, each under 16 MB: what to send with a report. It needs no
# network and installs nothing; PYTHON names the interpreter (default: python), PYTHONPATH folders of packages. --device
# cpu tries what runs without a GPU: the tests on imagined ones, and the benchmarks on small input. Takes 7 minutes at
# most on a GPU, up to 25 on a CPU.
set -u
cd "$(dirname "$0")/.."
device=cuda
if [ "${1:-}" = --device ]; then device=$2; shift 2; fi
out=${1:-work_dirs/gpu_report}
python=${PYTHON:-python}
limit=16000000
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
mkdir -p "$out"
status=0

part() { # SECONDS LOG COMMAND...: a part that fails, or takes longer, does not keep the others from running
    local seconds=$1 log=$out/$2 code
    shift 2
    timeout "$seconds" "$@" > "$log" 2>&1
    code=$?
    [ $code = 0 ] || { status=1; echo "exit status $code (124: over $seconds s): $*" | tee -a "$log"; }
    tail -n 3 "$log"
}

part 60 machine.txt bash -c "nvidia-smi; $python -m torch.utils.collect_env; $python -c \"import mmxas; print(mmxas.__version__)\"; git log -1 --oneline || true"
if [ "$device" = cuda ]; then
    part 120 tests.txt "$python" -m pytest -q -p no:cacheprovider -m cuda tests/on_cuda
else
    part 600 tests.txt "$python" -m pytest -q -p no:cacheprovider -k fake_cuda tests/on_cuda
fi
part "$([ "$device" = cuda ] && echo 180 || echo 600)" benchmarks.txt "$python" -m benchmarks.cuda --device "$device" --seconds 1 --out "$out/benchmarks.json"
part "$([ "$device" = cuda ] && echo 60 || echo 300)" profile.txt "$python" -m benchmarks.cuda --device "$device" --seconds 0 --only \
    --profile "$out/profile.json.gz" --out "$out/profile.json"
for file in "$out"/*; do
    if [ "$(stat -c %s "$file")" -gt $limit ]; then rm "$file"; echo "$file was over 16 MB and is left out"; fi
done
echo "$out: $(ls "$out" | tr '\n' ' ')"
exit $status
