"""torch's and numpy's process-wide settings: known while a check runs, the learner's own again afterwards.

A default device set three cells earlier, gradients left off, `np.seterr(all="raise")`: each
would make right answers fail, and a check that restored nothing would spread what one
answer had changed to all that come after it.
"""

import random
import warnings
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch.overrides import _get_current_function_mode_stack, _pop_mode, _push_mode
from torch.utils import _device

from ..modes import EXACT

# One line a setting: how to read it, how to set it, its value while a check runs. The default device is a
# function mode and therefore not in this table.
_SETTINGS = (
    (torch.is_grad_enabled, torch._C._set_grad_enabled, True),
    (torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    (
        lambda: (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ),
        # Not the public function: it imports torch's compiler, for seconds and within a check's time limit.
        lambda both: torch._C._set_deterministic_algorithms(both[0], warn_only=both[1]),
        (False, False),
    ),
    (torch.get_num_threads, torch.set_num_threads, 1),
    (lambda: torch.is_autocast_enabled("cpu"), lambda on: torch.set_autocast_enabled("cpu", on), False),
    (torch.is_anomaly_enabled, lambda on: torch.autograd.set_detect_anomaly(on), False),
    (
        np.geterr,
        lambda kinds: np.seterr(**kinds),
        dict.fromkeys(("divide", "over", "under", "invalid"), "warn"),
    ),
    *((partial(getattr, place, name), partial(setattr, place, name), value) for place, name, value in EXACT),
)
_GENERATORS = (
    (torch.get_rng_state, torch.set_rng_state),
    (np.random.get_state, np.random.set_state),
    (random.getstate, random.setstate),
)
_seed = torch.random.default_generator.manual_seed


def _modes():
    """torch's stack of function modes, and the two places in which it notes the default device besides."""
    default = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return list(_get_current_function_mode_stack()), default, _device.CURRENT_DEVICE


def _set_modes(stack, default, current):
    while _get_current_function_mode_stack():
        _pop_mode()
    torch._GLOBAL_DEVICE_CONTEXT.device_context, _device.CURRENT_DEVICE = default, current
    for mode in stack:
        _push_mode(mode)


@contextmanager
def undisturbed():
    """Whatever the block does to these settings is undone after it. Random generators go on."""
    modes, values = _modes(), [read() for read, _set, _known in _SETTINGS]
    try:
        yield
    finally:
        _set_modes(*modes)
        _set_all(values)


def _set_all(values):
    for (read, set_to, _known), value in zip(_SETTINGS, values):
        if read() != value:
            set_to(value)


@contextmanager
def known_surroundings(seed=0):
    """The block runs under torch's own defaults, one thread, no warnings and generators seeded with `seed`;
    settings and generators are then as they were.
    """
    generators = [read() for read, _restore in _GENERATORS]
    with undisturbed(), warnings.catch_warnings(), torch.inference_mode(False):
        warnings.simplefilter("ignore")  # a library's warning must not fail an answer
        _set_modes((), None, None)
        _set_all([known for _read, _set, known in _SETTINGS])
        _seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            for (_read, restore), state in zip(_GENERATORS, generators):
                restore(state)
