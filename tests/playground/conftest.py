"""What the tests of the middle floor share."""

import hypothesis

# Machines that run tests are slow at times: an example may take as long as it takes.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")
