"""Joins two LiteRT files: one that makes noise from a seed, one that makes images from noise.

    seed --noise (float32)--> z --decode (any precision)--> image        the new signature `sample`

The new subgraph is a copy of `decode`'s with the operators of `noise` before it. Copies of tensors
refer to the same buffers, so that no weight is stored again.
"""

import copy


def sample(noise, networks, names):
    """The file `networks` with a signature `sample` more.

    Args: noise, networks: LiteRT files as bytes, with a signature `noise` (seed to `names`) and one
      `decode` (`names` to image); names: the noise tensors'.
    Returns: bytes.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    source = flatbuffer_utils.convert_bytearray_to_object(bytearray(noise))
    target = flatbuffer_utils.convert_bytearray_to_object(bytearray(networks))
    made, decode = _signature(source, "noise"), _signature(target, "decode")
    graph = copy.deepcopy(target.subgraphs[decode.subgraphIndex])
    first = len(graph.tensors)  # where the noise's tensors will begin
    operators = _append(source.subgraphs[made.subgraphIndex], source, graph, target)

    wires = {_index(decode.inputs, name): first + _index(made.outputs, name) for name in names}
    for operator in graph.operators:
        operator.inputs = [wires.get(i, i) for i in operator.inputs]
    graph.operators = operators + graph.operators
    graph.inputs = [first + _index(made.inputs, "seed")]
    graph.name = b"sample"
    target.subgraphs.append(graph)

    signature = copy.deepcopy(decode)
    signature.signatureKey = b"sample"
    signature.subgraphIndex = len(target.subgraphs) - 1
    signature.inputs = copy.deepcopy(made.inputs)
    signature.inputs[0].tensorIndex = graph.inputs[0]
    target.signatureDefs.append(signature)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(target))


def _append(subgraph, source, graph, target):
    """Adds a subgraph's tensors to `graph`; returns its operators with indices that fit there."""
    first, first_code = len(graph.tensors), len(target.operatorCodes)
    target.operatorCodes.extend(source.operatorCodes)
    for tensor in subgraph.tensors:
        tensor = copy.deepcopy(tensor)
        target.buffers.append(source.buffers[tensor.buffer])
        tensor.buffer = len(target.buffers) - 1
        tensor.name = b"noise/" + tensor.name
        graph.tensors.append(tensor)
    operators = []
    for operator in subgraph.operators:
        operator = copy.deepcopy(operator)
        operator.opcodeIndex += first_code
        # -1 stands for an optional input that is not there.
        operator.inputs = [i + first if i >= 0 else i for i in operator.inputs]
        operator.outputs = [i + first for i in operator.outputs]
        operators.append(operator)
    return operators


def _signature(model, key):
    (found,) = [s for s in model.signatureDefs if s.signatureKey.decode() == key]
    return found


def _index(tensors, name):
    """The tensor index of a signature's input or output."""
    (found,) = [t.tensorIndex for t in tensors if t.name.decode() == name]
    return found
