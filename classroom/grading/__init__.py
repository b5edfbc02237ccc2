"""The grader: what runs inside the sandbox, what judges outside it, and what writes the grades.

Inside the sandbox   `template` (warm process), `job` (forks and watches a child), `isolate`, `watch`,
                     `box` (one notebook), `build` (what answers are called with)
Judging              `examiner` (a process), `judge`, `candidate` (an answer as seen from there), `tasks`
Between them         `frames` and `wire` (data and nothing else), `sandbox` (starts processes), `limits`
The teacher's        `submission`, `marks` (nbgrader's preprocessors), `course` (the folders), `screen` and
                     `notebooks` (mend and read), `clean`, `leaks`, `roster`, `outcome` (tables and pages)
"""
