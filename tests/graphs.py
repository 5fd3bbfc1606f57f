"""What TensorFlow makes of a compiled step: the order of reads and writes of its variables."""

import tensorflow as tf
from tensorflow.python.eager import context

READ = "ReadVariableOp"


def optimized(function, *inputs):
    """Calls a tf.function. Returns: (what it returns, its graphs as [(before, after)])."""
    context.enable_run_metadata()
    try:
        result = function(*inputs)
        graphs = context.export_run_metadata().function_graphs
    finally:
        context.disable_run_metadata()
    return result, [(g.pre_optimization_graph, g.post_optimization_graph) for g in graphs]


def lost_orders(before, after):
    """(read, write) of a variable that came in turn in GraphDef `before` and not in `after`."""
    old, new = ({n.name: n for n in graph.node} for graph in (before, after))
    found = []
    for write in after.node:
        variables = [i for i in write.input if _is_variable(old.get(i))]
        if write.op == READ or write.name not in old or not variables:
            continue
        was, now = _ancestors(old, write.name), _ancestors(new, write.name)
        found += [
            (read.name, write.name)
            for read in after.node
            if read.op == READ and read.input[0] in variables and read.name in was - now
        ]
    return found


def _is_variable(node):
    """Whether a node is an argument that holds a resource."""
    key = {"Placeholder": "dtype", "_Arg": "T"}.get(node.op if node else "")
    return bool(key) and node.attr[key].type == tf.resource.as_datatype_enum


def _ancestors(nodes, name):
    seen, more = set(), [name]
    while more:
        name = more.pop()
        if name not in seen:
            seen.add(name)
            more += [i.lstrip("^").split(":")[0] for i in nodes[name].input]
    return seen
