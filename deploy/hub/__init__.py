"""This course on JupyterHub: a trial on one machine by one command, and the same configuration for real."""
