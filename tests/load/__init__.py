"""What a server bears: `python -m tests.load` measures, `test_load.py` is its short form."""
