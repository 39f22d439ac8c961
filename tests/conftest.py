"""The tests compute on one thread, also where nobody asked for it by hand.

A test that forks processes (several of them training together) hangs once OpenMP's threads have run in its parent; and
two threads each, in as many workers as there are cores, only get into each other's way. Set before torch is imported.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
