"""Joins two LiteRT files: one that makes noise from a seed, one that makes images from noise.

    seed --noise (float32)--> z                                          the new signature `noise`
    seed --noise (float32)--> z --decode (any precision)--> image        the new signature `sample`

Each `decode` is joined: of `decode_10` comes `sample_10`. The subgraph of `sample` is a copy of
`decode`'s with the operators of `noise` before it. Copies of tensors refer to the same buffers, so
that no weight is stored again.
"""

import copy
from collections.abc import Iterable, Sequence
from typing import Any


def sample(noise: bytes, networks: bytes, names: Sequence[str]) -> bytes:
    """The file `networks` with the signatures `noise` and `sample` more.

    Args: noise, networks: LiteRT files as bytes, with a signature `noise` (seed to `names`) and one
      or more `decode` (`names` to image); names: the noise tensors'.
    Returns: bytes.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    source = flatbuffer_utils.convert_bytearray_to_object(bytearray(noise))
    target = flatbuffer_utils.convert_bytearray_to_object(bytearray(networks))
    made = _signature(source, "noise")
    first_buffer, first_code = len(target.buffers), len(target.operatorCodes)
    target.buffers.extend(source.buffers)
    target.operatorCodes.extend(source.operatorCodes)
    maker = _moved(source.subgraphs[made.subgraphIndex], 0, first_buffer, first_code)
    _add(target, maker, made, "noise", made.inputs, made.outputs)

    for decode in [s for s in target.signatureDefs if s.signatureKey.startswith(b"decode")]:
        graph = copy.deepcopy(target.subgraphs[decode.subgraphIndex])
        first = len(graph.tensors)  # where the noise's tensors will begin
        wires = {_index(decode.inputs, name): first + _index(made.outputs, name) for name in names}
        for operator in graph.operators:
            operator.inputs = [wires.get(i, i) for i in operator.inputs]
        maker = _moved(source.subgraphs[made.subgraphIndex], first, first_buffer, first_code)
        graph.tensors.extend(maker.tensors)
        graph.operators = maker.operators + graph.operators
        # What `decode` takes beside the noise, a label, `sample` takes too.
        inputs = copy.deepcopy(made.inputs)
        inputs[0].tensorIndex += first
        inputs += [i for i in decode.inputs if i.name.decode() not in names]
        graph.inputs = [i.tensorIndex for i in inputs]
        key = decode.signatureKey.decode().replace("decode", "sample")
        _add(target, graph, decode, key, inputs, decode.outputs)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(target))


def _add(model: Any, graph: Any, like: Any, key: str, inputs: Any, outputs: Any) -> None:
    """Adds a subgraph and its signature, made after the signature `like`."""
    graph.name = key.encode()
    model.subgraphs.append(graph)
    signature = copy.deepcopy(like)
    signature.signatureKey = key.encode()
    signature.subgraphIndex = len(model.subgraphs) - 1
    signature.inputs, signature.outputs = copy.deepcopy(inputs), copy.deepcopy(outputs)
    model.signatureDefs.append(signature)


def _moved(subgraph: Any, first: int, first_buffer: int, first_code: int) -> Any:
    """A copy of a subgraph whose tensors, buffers and operator codes begin at other numbers."""
    graph = copy.deepcopy(subgraph)
    for tensor in graph.tensors:
        tensor.buffer += first_buffer
        tensor.name = b"noise/" + tensor.name
    for operator in graph.operators:
        operator.opcodeIndex += first_code
        # -1 stands for an optional input that is not there.
        operator.inputs = [i + first if i >= 0 else i for i in operator.inputs]
        operator.outputs = [i + first for i in operator.outputs]
    graph.inputs = [i + first for i in graph.inputs]
    graph.outputs = [i + first for i in graph.outputs]
    return graph


def _signature(model: Any, key: str) -> Any:
    (found,) = [s for s in model.signatureDefs if s.signatureKey.decode() == key]
    return found


def _index(tensors: Iterable[Any], name: str) -> int:
    """The tensor index of a signature's input or output."""
    (found,) = [t.tensorIndex for t in tensors if t.name.decode() == name]
    return found
