"""Switches that are set for a while and then put back: the network's modes, torch's own, the Stop button."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

import torch
from torch import nn


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[nn.Module]:
    """`model` in evaluation mode inside the block, every layer's own mode restored after it."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield model
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def usual_torch(threads: int | None = None, device: torch.device = torch.device("cpu")) -> Iterator[None]:
    """torch's process-wide switches as a run expects them inside the block, the caller's again after it.

    Gradients on, float32, new tensors on the CPU, `threads` threads (None: as many as
    there are), and random numbers (those of `device` too) that the caller won't miss.
    What an earlier cell has switched cannot change a run, nor a run the cell after it.
    """
    dtype, before = torch.get_default_dtype(), torch.get_num_threads()
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, before)
        stack.callback(torch.set_default_dtype, dtype)
        if threads is not None and threads != before:
            torch.set_num_threads(threads)
        torch.set_default_dtype(torch.float32)
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        if torch.get_default_device().type != "cpu":  # a default device costs a detour at every call of torch
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(torch.random.fork_rng(devices=[device] if device.type == "cuda" else []))
        yield


@contextmanager
def interrupts_between_steps() -> Iterator[Callable[[], bool]]:
    """■ or Ctrl-C no longer breaks off in the middle of a step: the block asks the function it gets.

    A second one does not wait. Outside the main thread nothing changes: no signal
    arrives there.
    """
    asked: list[bool] = []

    def note(_number: int, _frame: FrameType | None) -> None:
        asked.append(True)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: False
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
