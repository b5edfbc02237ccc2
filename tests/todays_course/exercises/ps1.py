"""Assignment 1 as the course had it at first: chapter 1's exercises."""

from classroom.contract import lenient, truth, whole, wholes
from lenet_helpers.checks import chapter1, chapter1_counting

UNDO_PERMUTATION = chapter1.UNDO_PERMUTATION
CROSS_CORRELATE = chapter1.CROSS_CORRELATE
OUTPUT_SIZE = lenient(chapter1_counting.OUTPUT_SIZE, whole)
FAIR_COUNT = lenient(chapter1_counting.FAIR_COUNT, wholes)
STILL_MATCHES = lenient(chapter1_counting.STILL_MATCHES, truth)
