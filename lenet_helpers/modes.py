"""Run a network in evaluation mode and leave it as it was."""

from contextlib import contextmanager


@contextmanager
def evaluation_mode(model):
    """`model` in evaluation mode inside the block, every layer's own mode restored after it."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield model
    finally:
        for module, training in modes:
            module.training = training
