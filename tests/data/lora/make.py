"""Writes tiny LoRA adapters with random weights for some of the models of `tests/data/arch`: `python make.py`.

Needs PyPI `gguf` and `numpy`. `node reference.mjs` then has native llama.cpp say what the models predict with them.
"""

import pathlib
import zlib

import gguf
import numpy

HERE = pathlib.Path(__file__).parent
ARCH = HERE.parent / "arch"


def write(name, base, rank, alpha=None, only=None, a="F32", b="F32"):
    """An adapter for the layers' matrices of the model `base`, for those named `only` where given."""
    reader = gguf.GGUFReader(ARCH / f"{base}.f32.gguf")
    architecture = reader.fields["general.architecture"].contents()
    random = numpy.random.default_rng(zlib.crc32(name.encode()))
    writer = gguf.GGUFWriter(HERE / f"{name}.gguf", architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    if alpha is not None:
        writer.add_float32("adapter.lora.alpha", alpha)

    def add(name, rows, cols, kind, size):
        values = (size * random.normal(size=(rows, cols)) / cols**0.5).astype(numpy.float32)
        kind = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)

    for tensor in reader.tensors:
        layer, _, stem = tensor.name.removesuffix(".weight").rpartition(".")
        is_linear = layer.startswith("blk.") and len(tensor.shape) == 2 and tensor.name.endswith(".weight")
        if is_linear and (only is None or stem in only):
            cols, rows = (int(size) for size in tensor.shape)
            add(f"{tensor.name}.lora_a", rank, cols, a, 1.0)
            add(f"{tensor.name}.lora_b", rows, rank, b, 0.4)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


write("llama-all", "llama", 4, alpha=8.0)
# A rank that fills no tile; without α.
write("llama-few", "llama", 3, only=("attn_k", "attn_output", "ffn_up"))
# Types that are no floats of 32 bits. llama.cpp rounds what it multiplies with halves to halves, which a base of Q8_0
# magnifies: an activation moves from one of 127 steps to the next.
write("llama-some", "llama", 3, only=("attn_q", "attn_v", "ffn_down"), a="Q8_0", b="F16")
# Matrices that stand for several: queries, keys and values; gate and up.
write("phi3", "phi3", 2, alpha=2.0)
write("phi2", "phi2", 2, alpha=2.0)
# Layers that run several times.
write("nanbeige", "nanbeige", 2, alpha=1.0)
