"""Requantises the matrices of a GGUF file, to race the same model in another format or, as F32, to know what it
predicts without rounding.

    pip install gguf==0.19.0 numpy
    python3 benches/requantize.py .cache/models/SmolLM2-135M-Instruct.Q4_1.gguf Q8_0 OUT.gguf
"""

import sys

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType
from gguf.quants import dequantize, quantize

source, name, target = sys.argv[1:]
kind = GGMLQuantizationType[name]
reader = GGUFReader(source)
writer = GGUFWriter(target, reader.fields["general.architecture"].contents())
for field in reader.fields.values():
    if field.name.startswith("GGUF.") or field.name == "general.architecture":
        continue
    value = field.contents()
    if field.name == "general.file_type":
        value = LlamaFileType["ALL_F32" if name == "F32" else "MOSTLY_" + name].value
    sub_type = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
    writer.add_key_value(field.name, value, field.types[0], sub_type)
for tensor in reader.tensors:
    if len(tensor.shape) < 2:
        writer.add_tensor(tensor.name, np.array(tensor.data), raw_dtype=tensor.tensor_type)
    else:
        values = dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, quantize(values, kind), raw_dtype=kind)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
