"""Races: is this loss really better? Runs from the same weights on the same batches that differ in
one thing, over several seeds, judged by numbers that no loss owns.

race.py       what a race is: a base, lanes and seeds; its specs and its JSON
race_file.py  the same read from TOML or made of plain values
links.py      the same as a part of an address
design.py     the points of a sweep: grid, random, quasi-random
progress.py   which runs are there, which come next; successive halving
feeder.py     trains what is missing of the races of a store, in the background
results.py    the numbers of a race, by lane and seed
curves.py     its curves: medians and bands over seeds
judgement.py  statistics of paired runs
verdict.py    what they amount to, in words
reports.py    a race as one file: HTML, Markdown, CSV
search.py     a search for a loss by mutations of a text
mutation.py   the mutations themselves, for a worker: alone here it needs `losses`
terminal.py   a race from a terminal

Nothing else here imports TensorFlow, Keras or `losses`.
"""
