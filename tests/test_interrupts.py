"""Ctrl-C, and a notebook's ■, at each line in turn of the code that answers to it."""

import signal
import sys
from dataclasses import replace
from itertools import count

import pytest

from lenet_helpers import LeNetConfig, LeNetVariant, TrainingState, load_dataset, modes, train, training
from lenet_helpers.modes import interrupts_between_steps
from lenet_helpers.training import QUICK, Interrupted
from lenet_helpers.tuning import interrupts
from lenet_helpers.tuning.interrupts import at_once, held_back


def struck(action, modules, strike=None, spared=()):
    """`action()` with SIGINT at line number `strike` of `modules`: (lines executed, what was raised)."""
    files, spared, lines = {module.__file__ for module in modules}, [f.__code__ for f in spared], 0

    def trace(frame, event, _argument):
        nonlocal lines
        if frame.f_code.co_filename not in files or frame.f_code in spared:
            return None
        if event == "line":
            lines += 1
            if lines == strike:
                signal.raise_signal(signal.SIGINT)
        return trace

    before, raised = sys.gettrace(), None
    try:
        sys.settrace(trace)
        action()
    except KeyboardInterrupt as error:
        raised = error
    finally:
        sys.settrace(before)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, strike
    return lines, raised


def test_an_interrupt_after_the_last_look_is_not_lost():
    with pytest.raises(KeyboardInterrupt), interrupts_between_steps() as look:
        look()
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_at_any_line_of_a_run_it_says_where_it_stopped():
    digits = load_dataset("mnist-5k", n_train=12, validation=4)
    model = LeNetVariant(LeNetConfig(width=0.25))
    config = replace(QUICK, batch_size=4, epochs=4 / 3, record_every=2)

    def run(strike=None):
        state, seen = TrainingState(model, config), []
        records = train(model, digits, config, state=state)
        lines, raised = struck(
            lambda: seen.extend(record.step for record in records),
            (training, modes),
            strike,
            spared=[training._told_where],
        )
        return lines, raised, state.step, seen

    assert run()[1:] == (None, 4, [2, 4])
    for strike in count(1):
        lines, raised, step, _seen = run(strike)
        if lines < strike:
            break  # beyond the last line
        assert isinstance(raised, Interrupted), (strike, raised)
        assert str(raised) == f"Stopped at step {step} of 4; run the cell again."
    assert strike > 400


def test_at_any_line_of_what_is_held_back_nothing_is_left_half_done():
    done = []

    def write():
        done.append("begun")
        done.append("written")

    def work():
        done.clear()
        with held_back():
            for _n in range(3):
                write()
                at_once(lambda: done.append("waited"))
            write()

    here = sys.modules[__name__]
    lines, raised = struck(work, (interrupts, here), spared=[work])
    assert raised is None and lines > 30
    for strike in range(1, lines + 1):
        _lines, raised = struck(work, (interrupts, here), strike, spared=[work])
        assert raised is not None, strike
        assert done.count("begun") == done.count("written"), strike
        assert not interrupts._open and not interrupts._waiting, strike
