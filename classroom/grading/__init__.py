"""The grader: what runs inside the sandbox, what watches it, and what writes the grades.

Inside the sandbox   `template` (warm process), `job` (forks and watches a child), `isolate`, `watch`,
`box` (one notebook), `guard`
Outside, trusted     `sandbox` (starts it), `screen` (looks before running), `marks` (nbgrader's
                     preprocessors), `course` (the folders), `outcome` (CSV and lists)
"""
