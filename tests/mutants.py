"""Wrong answers made by machine: every solution of an exercise, altered in one place.

`mutants(solution)` gives functions that differ from it by one swapped operator, comparison
or operand, another constant or axis, a dropped line or argument; and some that no edit
gives: a result kept from the first call, an argument written into, memory layout taken for
order, a slip for even numbers only. `tests/test_mutants.py` wants each of them rejected on
every seed, or a reason why it is as right as the solution.
"""

import ast
import copy
import inspect
import textwrap
from dataclasses import dataclass

import numpy as np
import torch

_SWAPS = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.FloorDiv),
    ast.FloorDiv: (ast.Mult, ast.Mod, ast.Div),
    ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq, ast.GtE),
    ast.NotEq: (ast.Eq, ast.Lt, ast.Gt, ast.IsNot),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}
# Names that stand for each other in the mistakes people make.
_NAMES = {
    "max": ("min", "sum"),
    "min": ("max",),
    "sum": ("max",),
    "amax": ("amin", "mean"),
    "argmax": ("argmin",),
    "mean": ("sum", "max"),
    "std": ("var", "max"),
    "max_pool2d": ("avg_pool2d",),
    "relu": ("tanh", "leaky_relu"),
    "zeros": ("ones",),
    "new_zeros": ("new_ones",),
    "train": ("eval",),
    "eval": ("train",),
    "step": ("zero_grad",),
    "sorted": ("list",),
    "clone": ("detach",),
    "enumerate": ("list",),
    "cross_entropy": ("nll_loss",),
}


@dataclass(frozen=True)
class Mutant:
    """One altered answer; `name` says what was altered, and is the same in every run."""

    name: str
    function: object


def _alternatives(node):
    """Nodes that could stand in place of `node`."""
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool) or value is None:
            return [ast.Constant(not value)] if isinstance(value, bool) else []
        if isinstance(value, int):
            return [
                ast.Constant(v) for v in dict.fromkeys((value + 1, value - 1, 0, 2 * value)) if v != value
            ]
        if isinstance(value, float):
            return [ast.Constant(v) for v in (value + 1.0, value * 0.5, -value) if v != value]
        return []
    found = []
    if isinstance(node, ast.BinOp):
        for swap in _SWAPS.get(type(node.op), ()):
            found.append(ast.BinOp(node.left, swap(), node.right))
        if isinstance(node.op, (ast.Sub, ast.Div, ast.FloorDiv, ast.Pow, ast.Mod)):
            found.append(ast.BinOp(node.right, node.op, node.left))
        found += [node.left, node.right]
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for swap in _SWAPS.get(type(node.ops[0]), ()):
            found.append(ast.Compare(node.left, [swap()], node.comparators))
    elif isinstance(node, ast.BoolOp):
        found += [ast.BoolOp(swap(), node.values) for swap in _SWAPS[type(node.op)]] + list(node.values)
    elif isinstance(node, ast.UnaryOp):
        found.append(node.operand)
    elif isinstance(node, ast.Call):
        found += _other_calls(node)
    elif isinstance(node, ast.Name) and node.id in _NAMES and isinstance(node.ctx, ast.Load):
        found += [ast.Name(other, node.ctx) for other in _NAMES[node.id]]
    elif isinstance(node, ast.Attribute) and node.attr in _NAMES and isinstance(node.ctx, ast.Load):
        found += [ast.Attribute(node.value, other, node.ctx) for other in _NAMES[node.attr]]
    elif isinstance(node, (ast.Tuple, ast.List, ast.Set)) and len(node.elts) > 1 and _is_load(node):
        found.append(type(node)(elts=list(reversed(node.elts)), **_context(node)))
        found += [
            type(node)(elts=node.elts[:i] + node.elts[i + 1 :], **_context(node))
            for i in range(len(node.elts))
        ]
    elif isinstance(node, ast.Slice):
        found += (
            [ast.Slice(node.lower, None), ast.Slice(None, node.upper)] if node.lower and node.upper else []
        )
    return found


def _is_load(node):
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def _context(node):
    return {"ctx": node.ctx} if hasattr(node, "ctx") else {}


def _other_calls(node):
    """The call without a keyword, with two arguments exchanged, or left out around its only argument."""
    found = [
        ast.Call(node.func, node.args, node.keywords[:i] + node.keywords[i + 1 :])
        for i in range(len(node.keywords))
    ]
    for i in range(len(node.args) - 1):
        args = list(node.args)
        args[i], args[i + 1] = args[i + 1], args[i]
        found.append(ast.Call(node.func, args, node.keywords))
    if len(node.args) == 1 and not node.keywords:
        found.append(node.args[0])
    if isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Name):
        found.append(node.func.value)
    return found


def _edits(tree):
    """(what was altered, the whole tree after it), one after the other."""
    for position, node in enumerate(ast.walk(tree)):
        for number, _other in enumerate(
            _alternatives(node) if isinstance(node, (ast.expr, ast.slice)) else ()
        ):
            twin = copy.deepcopy(tree)
            target = list(ast.walk(twin))[position]
            other = _alternatives(target)[number]
            before = ast.unparse(target)
            _replace(twin, target, other)
            yield f"{node.lineno}: {before} -> {ast.unparse(other)}", twin
        for field in ("body", "orelse"):
            statements = getattr(node, field, None)
            if not isinstance(statements, list):
                continue
            for i, statement in enumerate(statements):
                yield from _statement_edits(tree, position, field, i, statement)


def _statement_edits(tree, position, field, i, statement):
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return  # a docstring
    text = ast.unparse(statement).split("\n")[0]
    twin = copy.deepcopy(tree)
    body = getattr(list(ast.walk(twin))[position], field)
    if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        body[i] = ast.copy_location(ast.Pass(), statement)
        yield f"{statement.lineno}: {text} dropped", twin
    if i + 1 < len(body) and not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        twin = copy.deepcopy(tree)
        body = getattr(list(ast.walk(twin))[position], field)
        body[i], body[i + 1] = body[i + 1], body[i]
        yield f"{statement.lineno}: {text} one line later", twin
    if isinstance(statement, ast.For):
        twin = copy.deepcopy(tree)
        loop = getattr(list(ast.walk(twin))[position], field)[i]
        loop.body = [*loop.body, ast.copy_location(ast.Break(), statement)]
        yield f"{statement.lineno}: {text} once", twin
        if len(loop.body) > 2:
            twin = copy.deepcopy(tree)
            body = getattr(list(ast.walk(twin))[position], field)
            body.insert(i + 1, body[i].body.pop())
            yield f"{statement.lineno}: {text} last line after the loop", twin
    if isinstance(statement, ast.If):
        twin = copy.deepcopy(tree)
        body = getattr(list(ast.walk(twin))[position], field)
        body[i : i + 1] = body[i].body
        yield f"{statement.lineno}: {text} always", twin
    if isinstance(statement, ast.AugAssign):
        twin = copy.deepcopy(tree)
        body = getattr(list(ast.walk(twin))[position], field)
        body[i] = ast.copy_location(ast.Assign([statement.target], statement.value), statement)
        yield f"{statement.lineno}: {text} without its sum", twin


def _replace(tree, old, new):
    new = ast.copy_location(new, old)
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
            elif isinstance(value, list) and any(item is old for item in value):
                setattr(parent, field, [new if item is old else item for item in value])


def _compiled(solution, name, tree):
    """The altered solution as a function; None where the edit gives no valid Python."""
    ast.fix_missing_locations(tree)
    names = dict(solution.__globals__)
    try:
        exec(compile(tree, f"<{solution.__name__}, {name}>", "exec"), names)
    except (SyntaxError, ValueError, TypeError):
        return None
    return names[solution.__name__]


def _source(solution):
    return ast.parse(textwrap.dedent(inspect.getsource(solution)))


def edited(solution):
    """The mutants that an edit of the solution's source gives."""
    tree = _source(solution)
    seen = {ast.unparse(tree)}
    for name, twin in _edits(tree):
        text = ast.unparse(twin)
        function = None if text in seen else _compiled(solution, name, twin)
        seen.add(text)
        if function:
            yield Mutant(name, function)


def pairs(solution, n, rng):
    """n times (one edit, another, both at once), chosen by `rng`: three mutants each."""
    alone = {mutant.name: mutant for mutant in edited(solution)}
    trees = dict(_edits(_source(solution)))
    found = []
    for first in rng.permutation(sorted(alone))[: 3 * n].tolist():
        both = [(name, tree) for name, tree in _edits(trees[first]) if name in alone and name != first]
        if both and len(found) < n:
            second, tree = both[int(rng.integers(len(both)))]
            function = _compiled(solution, f"{first} and {second}", tree)
            if function:
                found.append((alone[first], alone[second], Mutant(f"{first} and {second}", function)))
    return found


# What no edit of a line gives -------------------------------------------------------------


def _first_result_kept(solution):
    kept = []

    def answer(*args):
        kept.append(solution(*args))
        return kept[0]

    return answer


def _last_result_late(solution):
    kept = []

    def answer(*args):
        kept.append(solution(*args))
        return kept[-2] if len(kept) > 1 else kept[-1]

    return answer


def _compact_memory(solution):
    """Tensors read in the order in which they lie in memory, whatever their strides."""

    def as_it_lies(x):
        if (
            not isinstance(x, torch.Tensor)
            or x.ndim < 2
            or not x.is_floating_point()
            and x.dtype != torch.uint8
        ):
            return x
        return torch.as_strided(x, x.shape, torch.empty(x.shape).stride(), x.storage_offset())

    return lambda *args: solution(*map(as_it_lies, args))


def _writes(solution):
    """The right result, and afterwards one number of an argument is another."""

    def answer(*args):
        result = copy.deepcopy(solution(*args))
        for x in args:
            if isinstance(x, (torch.Tensor, np.ndarray)) and x.size:
                x[(0,) * x.ndim] = not x[(0,) * x.ndim]
                break
            if isinstance(x, list) and x:
                x.append(x[0])
                break
        return result

    return answer


def _reverses(solution):
    def answer(*args):
        result = copy.deepcopy(solution(*args))
        for x in args:
            if isinstance(x, list):
                x.reverse()
        return result

    return answer


def _sorts(solution):
    """A list is taken in sorted order."""

    def key(x):
        return repr(x) if isinstance(x, dict) else x

    return lambda *args: solution(*(sorted(x, key=key) if isinstance(x, list) else x for x in args))


def _in_another_order(solution):
    return lambda *args: solution(*(x[::-1] if isinstance(x, list) else x for x in args))


def _slips(solution, when):
    """A little too much where `when(args)` holds."""

    def more(result):
        if isinstance(result, (tuple, list)) and result:
            return type(result)([more(result[0]), *result[1:]])
        if isinstance(result, bool):
            return not result
        if isinstance(result, str):
            return {"better": "worse", "worse": "undecided", "undecided": "better"}.get(result, result + "?")
        numbers = (int, float, np.generic, np.ndarray, torch.Tensor)
        return result * 1.02 + 1 if isinstance(result, numbers) else result

    return lambda *args: more(solution(*args)) if when(args) else solution(*args)


def _sizes(args):
    for x in args:
        if isinstance(x, (torch.Tensor, np.ndarray)):
            yield from x.shape
        elif isinstance(x, int) and not isinstance(x, bool):
            yield x
        elif isinstance(x, list):
            yield len(x)


def _result(change):
    return lambda solution: lambda *args: change(solution(*args))


def _rounded(result):
    if isinstance(result, float):
        return round(result, 1)
    if isinstance(result, (tuple, list)):
        return type(result)(map(_rounded, result))
    return result.round() if isinstance(result, torch.Tensor) and result.is_floating_point() else result


def _any(kind):
    """Whether some call hands over an argument of this kind."""
    return lambda calls: any(kind(x) for args, _result in calls for x in args)


def _is_list(x):
    return isinstance(x, list) and len(x) > 1


def _is_grid(x):
    return isinstance(x, torch.Tensor) and x.ndim > 1


def _holds_floats(result):
    if isinstance(result, (tuple, list)):
        return any(map(_holds_floats, result))
    return isinstance(result, float) or isinstance(result, torch.Tensor) and result.is_floating_point()


# How it behaves, and for which calls that differs from the solution: (arguments, result) of each.
_BEHAVIOURS = {
    "the first result is kept": (_first_result_kept, lambda calls: calls[0][0]),
    "each result comes one call late": (_last_result_late, lambda calls: calls[0][0]),
    "memory is read as it lies": (_compact_memory, _any(_is_grid)),
    "an argument is written into": (_writes, _any(lambda x: isinstance(x, (torch.Tensor, np.ndarray, list)))),
    "a list is reversed in place": (_reverses, _any(_is_list)),
    "lists are sorted first": (_sorts, _any(_is_list)),
    "lists are taken backwards": (_in_another_order, _any(_is_list)),
    "rounded": (_result(_rounded), lambda calls: any(_holds_floats(result) for _args, result in calls)),
    "None comes back": (_result(lambda result: None), lambda calls: True),
}
_SLIPS = {
    "odd": lambda sizes: sizes[0] % 2 == 1,
    "even": lambda sizes: sizes[-1] % 2 == 0,
    "large": lambda sizes: sizes[0] > 5,
}


def behaving(solution, calls):
    """The mutants that no edit of a line gives; calls: (arguments, result) of some calls of the solution."""
    for name, (make, applies) in _BEHAVIOURS.items():
        if applies(calls):
            yield Mutant(name, make(solution))
    for i, _parameter in enumerate(inspect.signature(solution).parameters):
        if not any(len(args) > i and list(_sizes(args[i : i + 1])) for args, _result in calls):
            continue
        for word, holds in _SLIPS.items():

            def when(args, i=i, holds=holds):
                sizes = list(_sizes(args[i : i + 1]))
                return bool(sizes) and holds(sizes)

            yield Mutant(f"slips where argument {i} is {word}", _slips(solution, when))


def mutants(exercise):
    """All mutants of an exercise's solution, in an order that does not change."""
    calls = []

    def noted(*args):
        calls.append((args, exercise.solution(*args)))
        return calls[-1][1]

    exercise.run(noted, seed=0)
    return [*edited(exercise.solution), *behaving(exercise.solution, calls)]
