"""What TensorFlow makes of a compiled step: orders of reads and writes, and what it fuses."""

import collections

import tensorflow as tf
from tensorflow.python.eager import context

READ = "ReadVariableOp"


def optimized(function, *inputs):
    """Calls a tf.function. Returns: (what it returns, its graphs as [(before, after)])."""
    result, graphs = _graphs(function, *inputs)
    return result, [(g.pre_optimization_graph, g.post_optimization_graph) for g in graphs]


def _graphs(function, *inputs):
    context.enable_run_metadata()
    try:
        result = function(*inputs)
        return result, context.export_run_metadata().function_graphs
    finally:
        context.disable_run_metadata()


def programs_of_xla(function, *inputs):
    """Calls a function. Returns: (what it returns, {device: the programs of XLA in its graphs})."""
    result, graphs = _graphs(function, *inputs)
    parts = [part.node for graph in graphs for part in graph.partition_graphs]
    return result, collections.Counter(
        node.device[-5:] for nodes in parts for node in nodes if node.op == "_XlaRun"
    )


def lost_orders(before, after):
    """(read, write) of a variable that came in turn in GraphDef `before` and not in `after`."""
    old, new = ({n.name: n for n in graph.node} for graph in (before, after))
    reads = [n for n in after.node if n.op == READ]
    number = {read.name: 1 << i for i, read in enumerate(reads)}
    was, now = (_first(nodes, number) for nodes in (old, new))
    found = []
    for write in after.node:
        variables = [i for i in write.input if _is_variable(old.get(i))]
        if write.op == READ or write.name not in old or not variables:
            continue
        lost = was[write.name] & ~now[write.name]
        found += [
            (read.name, write.name)
            for read in reads
            if read.input[0] in variables and lost & number[read.name]
        ]
    return found


def fused_sums(graph):
    """The convolutions of a GraphDef that a sum is fused into: see `tfgen.layers.residual`."""
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    return [
        n.name for n in nodes if n.op == "_FusedConv2D" and b"Add" in n.attr["fused_ops"].list.s
    ]


def _is_variable(node):
    """Whether a node is an argument that holds a resource."""
    key = {"Placeholder": "dtype", "_Arg": "T"}.get(node.op if node else "")
    return bool(key) and node.attr[key].type == tf.resource.as_datatype_enum


def _first(nodes, number):
    """{node: the numbers, each a bit, of itself and of all that comes before it}."""
    inputs = {
        name: {i.lstrip("^").split(":")[0] for i in node.input} for name, node in nodes.items()
    }
    found, changed = {name: number.get(name, 0) for name in nodes}, True
    while changed:  # loops make several rounds
        changed = False
        for name in _inputs_first(inputs):
            before = found[name]
            for i in inputs[name]:
                found[name] |= found[i]
            changed |= found[name] != before
    return found


def _inputs_first(inputs):
    """The nodes in an order in which, but for loops, each comes after its inputs."""
    seen, order = set(), []
    more = [(name, False) for name in inputs]
    while more:
        name, done = more.pop()
        if done:
            order.append(name)
        elif name not in seen:
            seen.add(name)
            more.append((name, True))
            more += [(i, False) for i in inputs[name] - seen]
    return order
