#!/usr/bin/env bash
# What is measured on a GPU, in one call of eight minutes at most, while nothing else runs.
#
#   benchmarks/gpu.sh [OUT]     figures and logs go to OUT, by default ./gpu
#
# 1. images per second of each way to train, in TF32 but for the default, benchmarks/speed.py: of seven
#    ways a case takes some 80 s, most of which start them; WAYS=... names others
# 2. side by side: two runs alike, one killed and resumed, samples of GPU and CPU, seconds for 10,000
#    of them (beside the others: at most so many), benchmarks/bits.py, of what is compiled under op
#    determinism (BITS=... names others, model:data:compile:setting=value); then the kernels of a step
#    op by op, fused and compiled, benchmarks/kernels.py
# 3. in the time that is left the compiled step of every row of the zoo (tests/training/
#    test_compilation.py, -m long); LIMIT=900 gives it some
# TORCH names a Python that has PyTorch, with what it needs before it: "env -u PYTHONPATH python3".
# DEVICE=cpu SMALL=1 tries all of it out on a CPU, with figures that mean nothing.
set -uo pipefail
OUT=${1:-gpu}; TORCH=${TORCH:-python3}; LIMIT=${LIMIT:-480}; mkdir -p "$OUT"
CASES=vae\ 64,dcgan\ 64,vae,dcgan; ROUND=(--rounds=3 --seconds=0.5); STEPS=400
WAYS=${WAYS:-tfgen,fused,fused+tf32,xla+tf32,free+tf32,torch+tf32,torch.compile+tf32}
BITS=${BITS:-dcgan:shapes:fused:tf32=False vae:digits:fused:tf32=False dcgan:shapes:fused:tf32=True
  dcgan:shapes:xla:tf32=False dcgan:shapes:xla:tf32=True}
if [ -n "${SMALL:-}" ]; then
  CASES=dcgan; ROUND=(--rounds=1 --steps=25); STEPS=20; WAYS=tfgen,keras,torch
  BITS=dcgan:digits:fused:tf32=False
fi
left() { echo $((LIMIT > SECONDS ? LIMIT - SECONDS : 1)); }  # timeout 0 would be for ever
limited() { local most=$1; shift; timeout $(($(left) < most ? $(left) : most)) "$@"; }

nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | tee "$OUT/device.txt"
limited 330 python3 -m benchmarks.speed --device="${DEVICE:-gpu}" "${ROUND[@]}" --models="$CASES" \
  --ways="$WAYS" --torch="$TORCH" --out="$OUT/speed.json" 2>&1 | tee "$OUT/speed.txt"
echo "after $SECONDS s"
for run in $BITS; do
  IFS=: read -r model data compile setting <<<"$run"
  limited 140 python3 -m benchmarks.bits --models="$model" --data="$data" --steps="$STEPS" -- \
    --config.compile="$compile" --config."$setting" >"$OUT/bits-${run//[:=]/-}.txt" 2>&1 &
done
wait
for how in none fused xla; do
  limited 60 python3 -m benchmarks.kernels --steps="$STEPS" --compile="$how" >"$OUT/kernels-$how.txt" 2>&1
done
tail -n 30 "$OUT"/bits-*.txt "$OUT"/kernels*.txt
echo "after $SECONDS s"
limited 900 python3 -m pytest -n 8 -m "slow or long" tests/training/test_compilation.py 2>&1 |
  tee "$OUT/zoo.txt" | tail -5
echo "after $SECONDS s"
