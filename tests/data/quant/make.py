"""Writes the blocks and values beside this file with PyPI `gguf`, the reference for the block formats.

    pip install gguf==0.19.0 numpy && python3 tests/data/quant/make.py LIBGGML_BASE

LIBGGML_BASE is ggml's library (`libggml-base.so` of npm `@node-llama-cpp/linux-x64`): `gguf` does not read Q1_0, nor
does it know Q2_0.

For each tensor type: 512 elements' worth of blocks, random ones first, then all bits clear and all bits
set, then the values of all of them as little-endian f32.
"""

import ctypes
import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGML_QUANT_SIZES
from gguf.quants import dequantize

# Where the half-precision numbers of a block lie: anything else may be any bits.
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "IQ4_NL": [0], "IQ4_XS": [0], "F16": [0], "TQ1_0": [52], "TQ2_0": [64], "Q1_0": [0],
    "IQ1_S": [0], "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0], "IQ3_XXS": [0], "IQ3_S": [0], "Q2_0": [0],
    "IQ1_M": [], "MXFP4": [], "NVFP4": [],
}
# Where a block of IQ1_M has its half-precision number: in the upper bits of these bytes, four each.
IQ1_M_SCALE = [49, 51, 53, 55]
ggml = ctypes.CDLL(sys.argv[1])


def values_of(blocks, name):
    of_ggml = {"Q1_0": ggml.dequantize_row_q1_0, "Q2_0": ggml.dequantize_row_q2_0}
    if name not in of_ggml:
        return dequantize(blocks.reshape(-1), GGMLQuantizationType[name]).astype("<f4")
    values = np.zeros(ELEMENTS, "<f4")
    of_ggml[name](blocks.ctypes.data_as(ctypes.c_void_p), values.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(ELEMENTS))
    return values


ELEMENTS = 512
random = np.random.default_rng(1)

for name in [*list(HALVES)[:13], "BF16", *list(HALVES)[13:]]:
    length, size = (64, 18) if name == "Q2_0" else GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    count = ELEMENTS // length
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    quarter = max(count // 4, 1) if count > 1 else 0
    if length > 1 and count > 2:
        blocks[-quarter:] = 255
        blocks[-2 * quarter : -quarter] = 0
    if name == "BF16":
        blocks[:, 1] &= 0xBF
    for at in HALVES.get(name, []):
        numbers = random.normal(0, 0.05, count).astype(np.float16)
        blocks[:, at : at + 2] = numbers.view(np.uint8).reshape(count, 2)
    if name == "IQ1_M":
        numbers = random.normal(0, 0.05, count).astype(np.float16).view(np.uint16)
        for i, at in enumerate(IQ1_M_SCALE):
            blocks[:, at] = blocks[:, at] & 15 | (numbers >> (4 * i) & 15) << 4
    if name == "MXFP4":
        # Powers of two from the smallest to one whose multiples are still finite.
        blocks[:, 0] = np.linspace(0, 250, count).astype(np.uint8)
        blocks[1, 0] = 1
    values = values_of(blocks, name)
    assert np.isfinite(values).all(), name
    Path(__file__).with_name(f"{name.lower()}.bin").write_bytes(blocks.tobytes() + values.tobytes())
