"""nbgrader's settings in a student's server."""

c = get_config()  # noqa: F821  nbgrader puts get_config here
c.CourseDirectory.course_id = "lenet"
c.Exchange.root = "/srv/exchange"
# For the Validate button, as in the course's own settings.
c.ExecutePreprocessor.timeout = 120
c.Execute.timeout = 120
