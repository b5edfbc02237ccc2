"""Is this machine ready for the course? Looked at in a second, each finding with what to do about it."""

import os
import platform
import time
from dataclasses import dataclass
from importlib import metadata

import torch
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from ..data import batches, load_dataset
from ..models import LeNet
from ..modes import first_weights, usual_torch
from ..readers.torchvision_sets import PUBLISHED, check_file
from ..sources import DataError, find_root
from ..train_config import QUICK, count_steps, make_optimizer
from ..training import training_step
from ..wording import _, listed

DISTRIBUTION = "lenet-helpers"
DOWNLOADED = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
PATIENT = 10.0  # seconds that a short training run may take before the chapters' minutes grow


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found, and what to do about it (empty where all is well)."""

    name: str
    found: str
    advice: str = ""


def examine():
    """All findings, in the order to mend them."""
    return [versions(), data(), *downloads(), devices(), speed()]


def versions(distribution=DISTRIBUTION):
    """The versions of Python and of all that the course needs, against the ranges it was tried with."""
    name = _("versions")
    try:
        course = metadata.metadata(distribution)
        needed = [Requirement(text) for text in metadata.requires(distribution) or []]
    except metadata.PackageNotFoundError:
        advice = _("The course is not installed here, so the versions are not known to fit: run {command}.")
        return Finding(name, _("not looked at"), advice.format(command="pip install -e ."))
    here, wanted = platform.python_version(), course["Requires-Python"] or ""
    if not SpecifierSet(wanted).contains(here, prereleases=True):
        advice = _("Python {version} is outside {range}: start JupyterLab from a Python in that range.")
        return Finding(name, f"Python {here}", advice.format(version=here, range=wanted))
    odd = [text for one in needed if _applies(one) and (text := _odd(one))]
    if odd:
        advice = _("Install what fits with make lab, or with pip install -e . in an environment of your own.")
        return Finding(name, listed(odd, clauses=True), advice)
    found = _("Python {python}, torch {torch}; every package is in its supported range")
    return Finding(name, found.format(python=here, torch=torch.__version__))


def _applies(requirement):
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _odd(requirement):
    """What is wrong with one package; empty where its version is in its range."""
    try:
        here = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return _("{package} is missing").format(package=requirement.name)
    if requirement.specifier.contains(here, prereleases=True):
        return ""
    return _("{package} is {version}, not {range}").format(
        package=requirement.name, version=here, range=requirement.specifier
    )


def data():
    """The digits that come with the course: there, and the published ones?"""
    try:
        digits = load_dataset()
    except (OSError, ImportError, ValueError) as error:
        return Finding(_("digits"), _("cannot be read"), str(error))
    n = sum(map(len, digits.splits().values()))
    return Finding(_("digits"), _("{n:,} images, their checksum right").format(n=n))


def downloads(root=None):
    """The sets that can be downloaded, where they are found: whole and unaltered?"""
    root = find_root(root)
    return [_downloaded(root, name, PUBLISHED[kind]) for name, kind in DOWNLOADED.items()]


def _downloaded(root, name, files):
    there = [file for file in files if (root / file).exists()]
    if not there:
        return Finding(name, _("not downloaded; the chapters run without it"))
    try:
        for file in there:
            check_file(root / file, files[file])
    except DataError as error:
        return Finding(name, _("altered or cut short"), str(error))
    except OSError as error:
        return Finding(name, _("cannot be read"), str(error))
    if len(there) < len(files):
        advice = _("Load it once with a network, load_dataset({name!r}): what is missing is downloaded.")
        return Finding(name, _("incomplete in {folder}").format(folder=root), advice.format(name=name))
    return Finding(name, _("found in {folder}, all checksums right").format(folder=root))


def devices():
    """What could compute here, and on how many threads."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    found = _("trains on the processor (threads: {threads}, cores: {cores}); other devices: {others}")
    others = listed(name for name, usable in there.items() if usable) or _("none, and none is needed")
    text = found.format(threads=torch.get_num_threads(), cores=os.cpu_count(), others=others)
    return Finding(_("device"), text)


def speed(seconds=0.4):
    """How long the chapters' short training run takes here, from real steps of about `seconds` in all."""
    try:
        digits = load_dataset()
    except (OSError, ImportError, ValueError):
        return Finding(_("speed"), _("not measured: the digits are missing"))
    each = seconds_per_step(digits, seconds)
    run = each * count_steps(digits, QUICK)[1]
    if run <= PATIENT:
        found = _("the chapters' short training run takes about {run:.1f} seconds: their minutes hold")
        return Finding(_("speed"), found.format(run=run))
    found = _("the chapters' short training run takes about {run:.0f} seconds").format(run=run)
    advice = _("Plan about {minutes:.0f} minutes more for every ten runs, and close what else is computing.")
    return Finding(_("speed"), found, advice.format(minutes=max(1, 10 * run / 60)))


def seconds_per_step(digits, seconds):
    """Seconds of one step of training LeNet on a batch, the mean over `seconds` after one to warm up."""
    with usual_torch(threads=1):
        with first_weights(0):
            model = LeNet()
        optimizer = make_optimizer(model, QUICK)
        steps = 0
        started = None
        while True:
            for images, labels in batches(digits.train, QUICK.batch_size):
                training_step(model, optimizer, images, labels)
                if started is None:
                    started = time.perf_counter()
                    continue
                steps += 1
                if (spent := time.perf_counter() - started) >= seconds:
                    return spent / steps
