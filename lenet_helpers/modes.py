"""Switches that are set for a while and then put back: the network's modes, torch's own, the Stop button."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

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


_torch: Any = torch.backends
# Whose setting, which, and its value in a run: no product in bfloat16 or TensorFloat32, no choice for cuDNN.
EXACT: list[tuple[Any, str, Any]] = [
    *((part.matmul, "fp32_precision", "ieee") for part in (_torch.mkldnn, _torch.cuda)),
    *((part.conv, "fp32_precision", "ieee") for part in (_torch.mkldnn, _torch.cudnn)),
    (_torch.cudnn, "deterministic", True),
    (_torch.cudnn, "benchmark", False),
]


@contextmanager
def usual_torch(threads: int | None = None, device: torch.device = torch.device("cpu")) -> Iterator[None]:
    """torch's process-wide switches as a run expects them inside the block, the caller's again after it.

    Gradients on, float32 in full, new tensors on the CPU, `threads` threads (None: as many as
    there are), random numbers (those of `device` too) that the caller won't miss. What an
    earlier cell has switched cannot change a run, nor a run the cell after it.
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
        for place, name, value in EXACT:
            stack.callback(setattr, place, name, getattr(place, name))
            setattr(place, name, value)
        stack.enter_context(torch.autocast(device.type, enabled=False))
        if torch.get_default_device().type != "cpu":  # a default device costs a detour at every call of torch
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(torch.random.fork_rng(devices=[device] if device.type == "cuda" else []))
        yield


@contextmanager
def interrupts_between_steps() -> Iterator[Callable[[], None]]:
    """■ or Ctrl-C waits until the block calls the function it gets or ends, which raises KeyboardInterrupt.

    A second one does not wait. Outside the main thread nothing changes: no signal arrives there.
    """
    asked: list[bool] = []

    def look() -> None:
        if asked:
            raise KeyboardInterrupt

    def note(*_signal: object) -> None:
        asked.append(True)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    main = threading.current_thread() is threading.main_thread()
    ours = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield look
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    look()
