"""Writes the grids of the IQ types to `src/quant/grids.bin` from PyPI `gguf`: `python3 tests/data/quant/grids.py`.

A grid is a set of vectors, and what a file holds is the index of one in the order of the numbers that their digits make,
the first element the least digit. So the set is all there is to know: bit n is set where the number n is in it. Vectors of
eight elements have three digits (6561 numbers), those of four have eight (4096).
"""

from pathlib import Path

import numpy as np
from gguf import quants

GRIDS = [quants.IQ1_S, quants.IQ2_XXS, quants.IQ2_XS, quants.IQ2_S, quants.IQ3_XXS, quants.IQ3_S]

out = b""
for kind in GRIDS:
    kind.init_grid()
    digits = np.searchsorted(kind.grid_map, kind.grid.reshape(kind.grid_shape))
    base, length = len(kind.grid_map), digits.shape[1]
    numbers = (digits * base ** np.arange(length)).sum(axis=1)
    assert (np.diff(numbers) > 0).all(), kind.__name__
    is_in_grid = np.zeros(base**length, np.uint8)
    is_in_grid[numbers] = 1
    out += np.packbits(is_in_grid, bitorder="little").tobytes()
Path(__file__).parents[3].joinpath("src/quant/grids.bin").write_bytes(out)
