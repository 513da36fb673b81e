"""A process that appends until it is done or killed: `writer_process.py URL FOLDER NAME COUNT`.

It prints the id of every event after `append` has returned for it, so that whoever reads along knows what was
acknowledged.
"""

import sys

from happenings import check

from freehold.ledger import Ledger

if __name__ == "__main__":
    url, folder, name, count = *sys.argv[1:4], int(sys.argv[4])
    with Ledger.open(url, root=folder) as ledger:
        for number in range(count):
            some = [check(number, id=f"{name}-{number}-{part}") for part in range(1 + number % 3)]
            ledger.append(*some)
            sys.stdout.write("".join(f"{event.id}\n" for event in some))
            sys.stdout.flush()
