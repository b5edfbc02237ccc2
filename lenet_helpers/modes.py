"""Switches that are set for a while and then put back: the network's modes, torch's own, the Stop button."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode


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
    """torch's switches as a run expects them inside the block, the caller's again after it.

    Gradients on, float32 in full, new tensors on the CPU, `threads` threads (None: as many as
    there are), random numbers (those of `device` too) that the caller won't miss. What an
    earlier cell has switched cannot change a run, nor a run the cell after it.

    In another thread than that of the cells, what all threads share (default dtype, precision, torch's own
    random numbers) stays as it is: a cell may use it now. Our networks, trained there, need none of it.
    """
    before = torch.get_num_threads()
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, before)
        stack.callback(setattr, draws, "generator", getattr(draws, "generator", None))
        if threads is not None and threads != before:
            torch.set_num_threads(threads)
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast(device.type, enabled=False))
        if torch.get_default_device().type != "cpu":  # a default device costs a detour at every call of torch
            stack.enter_context(torch.device("cpu"))
        if in_main_thread():
            stack.callback(torch.set_default_dtype, torch.get_default_dtype())
            torch.set_default_dtype(torch.float32)
            for place, name, value in EXACT:
                stack.callback(setattr, place, name, getattr(place, name))
                setattr(place, name, value)
            stack.enter_context(torch.random.fork_rng(devices=[device] if device.type == "cuda" else []))
        yield


def in_main_thread() -> bool:
    """Whether this is the thread in which cells run, and signals arrive."""
    return threading.current_thread() is threading.main_thread()


draws = threading.local()  # .generator, where there is one: whence `models.Dropout` draws in this thread


def seed_draws(number: int, device: torch.device) -> None:
    """Seed what layers draw on `device`, within `usual_torch`."""
    draws.generator = torch.Generator(device).manual_seed(number)
    if in_main_thread():  # for layers that are not ours
        # torch.manual_seed seeds every kind of device and notes down the call stack: a tenth of a step.
        torch.default_generator.manual_seed(number)
        if device.type != "cpu":
            getattr(torch, device.type).manual_seed(number)


class first_weights(TorchFunctionMode):
    """torch's layers made inside the block are float32, with the weights that torch.manual_seed(seed) gives.

    torch's own generator, which a cell may use now, is not touched.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._ours = {"generator": torch.Generator().manual_seed(seed), "dtype": torch.float32}

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        open_ones = {name: self._ours.get(name) for name, value in (kwargs or {}).items() if value is None}
        return function(*args, **(kwargs or {}) | open_ones)


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

    ours = in_main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield look
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    look()
