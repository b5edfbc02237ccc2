"""Assignment 2 as the course had it at first: chapter 2's exercises."""

from classroom.contract import lenient, whole
from lenet_helpers.checks import chapter2, chapter2_build, chapter2_sizes

CONV_PARAMETERS = lenient(chapter2.CONV_PARAMETERS, whole)
C3_PARAMETERS = lenient(chapter2.C3_PARAMETERS, whole)
MAX_POOL = chapter2.MAX_POOL
RECEPTIVE_FIELD = lenient(chapter2_sizes.RECEPTIVE_FIELD, whole)
BUILD_LENET = chapter2_build.BUILD_LENET
