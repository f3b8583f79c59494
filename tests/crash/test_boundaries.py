"""The table of boundaries misses no transaction and no call of the supplier."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch import engine
from dispatch.outbox import attempts
from dispatch.web import hooks, responder
from tests.crash.boundaries import CALLS, TRANSACTIONS

#: Not on the path of an alert: chores of the hour and of the day, a heartbeat, a clock that was
#: set, a question to a supplier whether it is well, a stranger, somebody who only looks; whoever
#: goes already is asked after again and again.
_BESIDE = {"sweep", "beat", "_set_back", "ask_suppliers", "_forged", "_show", "look_at_going"}


@pytest.mark.parametrize(("module", "process"), [(engine, "engine"), (hooks, "web")])
def test_every_transaction_is_a_boundary(module, process: str):
    watched = {work for _, at, work, _ in TRANSACTIONS if at == process}
    for function, block in _transactions(module):
        if function.name not in _BESIDE:
            assert _called(block) & watched, f"{function.name}: line {block.lineno}"


def test_the_answer_behind_a_link_is_a_boundary():
    watched = {work for _, at, work, _ in TRANSACTIONS if at == "web"}
    blocks = {function.name: block for function, block in _transactions(responder)}
    assert _called(blocks["_take"]) & watched


def test_every_call_of_the_supplier_is_a_boundary():
    called = {
        name.rpartition(".")[2]
        for name in _called(_tree(engine)) | _called(_tree(attempts))
        if name.startswith(("channel.", "self.channel."))
    }
    assert called == {method for _, method, _ in CALLS}


def _tree(module) -> ast.Module:
    return ast.parse(Path(module.__file__).read_text())


def _transactions(module) -> Iterator[tuple[ast.FunctionDef, ast.With]]:
    """Return each block that writes, with the function it stands in."""
    for function in ast.walk(_tree(module)):
        if isinstance(function, ast.FunctionDef):
            for block in ast.walk(function):
                if isinstance(block, ast.With) and _writes(block):
                    yield function, block


def _writes(block: ast.With) -> bool:
    opened = {ast.unparse(item.context_expr) for item in block.items}
    return bool(opened & {"self.store.write()", "session.transaction()"})


def _called(tree: ast.AST) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
