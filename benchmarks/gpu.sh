#!/usr/bin/env bash
# What is measured on a GPU, in one call of eight minutes at most, while nothing else runs.
#
#   benchmarks/gpu.sh [OUT]     figures and logs go to OUT, by default ./gpu
#
# 1. images per second of each way to train, in TF32 but for the default, benchmarks/speed.py: of seven
#    ways a case takes some 80 s, most of which start them; WAYS=... names others
# 2. side by side: two runs alike, one killed and resumed, samples of GPU and CPU, seconds for 10,000
#    of them (beside the others: at most so many), benchmarks/bits.py, the default and what XLA makes
#    of float32, TF32 and bfloat16; the kernels of a step op by op and compiled, benchmarks/kernels.py
# 3. in the time that is left the compiled step of every row of the zoo (tests/training/
#    test_compilation.py, -m long); LIMIT=900 gives it some
# TORCH names a Python that has PyTorch, with what it needs before it: "env -u PYTHONPATH python3".
# DEVICE=cpu SMALL=1 tries all of it out on a CPU, with figures that mean nothing.
set -uo pipefail
OUT=${1:-gpu}; TORCH=${TORCH:-python3}; LIMIT=${LIMIT:-480}; mkdir -p "$OUT"
CASES=dcgan,vae,dcgan\ 64,vae\ 64; ROUND=(--rounds=3 --seconds=0.5); STEPS=400
WAYS=${WAYS:-tfgen,xla,xla+tf32,free+tf32,bfloat16,torch+tf32,torch.compile+tf32}
if [ -n "${SMALL:-}" ]; then
  CASES=dcgan; ROUND=(--rounds=1 --steps=25); STEPS=20; WAYS=tfgen,keras,torch
fi
left() { echo $((LIMIT > SECONDS ? LIMIT - SECONDS : 1)); }  # timeout 0 would be for ever
limited() { local most=$1; shift; timeout $(($(left) < most ? $(left) : most)) "$@"; }

nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | tee "$OUT/device.txt"
limited 330 python3 -m benchmarks.speed --device="${DEVICE:-gpu}" "${ROUND[@]}" --models="$CASES" \
  --ways="$WAYS" --torch="$TORCH" --out="$OUT/speed.json" 2>&1 | tee "$OUT/speed.txt"
echo "after $SECONDS s"
for run in dcgan-digits vae-digits dcgan-shapes; do
  limited 140 python3 -m benchmarks.bits --models="${run%-*}" --data="${run#*-}" --steps="$STEPS" \
    >"$OUT/bits-$run.txt" 2>&1 &
done
for how in tf32=False tf32=True precision=bfloat16; do
  limited 140 python3 -m benchmarks.bits --models=dcgan --data=shapes --steps="$STEPS" -- \
    --config.compile=xla --config.$how >"$OUT/bits-xla-$how.txt" 2>&1 &
done
for how in "" --free; do
  limited 140 python3 -m benchmarks.kernels --steps="$STEPS" $how >"$OUT/kernels$how.txt" 2>&1 &
done
wait
tail -n 30 "$OUT"/bits-*.txt "$OUT"/kernels*.txt
echo "after $SECONDS s"
limited 900 python3 -m pytest -n 8 -m "slow or long" tests/training/test_compilation.py 2>&1 |
  tee "$OUT/zoo.txt" | tail -5
echo "after $SECONDS s"
