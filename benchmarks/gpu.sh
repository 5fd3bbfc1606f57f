#!/usr/bin/env bash
# What is measured on a GPU, in one call of some eight minutes, while nothing else runs.
#
#   benchmarks/gpu.sh [OUT]     figures and logs go to OUT, by default ./gpu
#
# 1. images per second of each way to train, benchmarks/speed.py, in float32 and then in TF32
# 2. two runs alike, one killed and resumed, samples of GPU and CPU, benchmarks/bits.py
# 3. the compiled step of every row of the zoo (tests/training/test_compilation.py, -m long)
# TORCH names a Python that has PyTorch, with what it needs before it: "env -u PYTHONPATH python3".
set -uo pipefail
OUT=${1:-gpu}; TORCH=${TORCH:-python3}; mkdir -p "$OUT"
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | tee "$OUT/device.txt"
python3 -m benchmarks.speed --device=gpu --rounds=3 --steps=200 --torch="$TORCH" \
  --out="$OUT/float32.json" 2>&1 | tee "$OUT/float32.txt"
python3 -m benchmarks.bits --models=dcgan,vae 2>&1 | tee "$OUT/bits.txt"
python3 -m benchmarks.bits --models=dcgan,vae --data=shapes 2>&1 | tee "$OUT/bits-shapes.txt"
python3 -m benchmarks.speed --device=gpu --rounds=3 --steps=200 --tf32 --torch="$TORCH" \
  --out="$OUT/tf32.json" 2>&1 | tee "$OUT/tf32.txt"
python3 -m pytest -n 8 -m "slow or long" tests/training/test_compilation.py 2>&1 |
  tee "$OUT/zoo.txt" | tail -5
