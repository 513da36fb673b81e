"""A process that brings day after day to a shop and runs it; killed and started again at will."""

import sys
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from shop import Shop, days, ordinary_day, write_day

FIRST = date(2024, 1, 1)


def bring(root: Path, count: int) -> None:
    """Bring the days one by one; some twice, the second time corrected, and one that fails its checks."""
    shop = Shop.open(root, jobs=2, seed=int.from_bytes(str(sys.argv[3]).encode()[-4:], "big"))
    try:
        for index, on in enumerate(days(count, FIRST)):
            present = root / "landing" / f"{on}.csv"
            if not present.exists():
                write_day(root, on, _rows(index))
                _move_clock(shop, on)
                shop.delivery.run()
            if index and index % 5 == 0:
                _correct(shop, root, on - timedelta(days=2), index - 2)
        # While a day is in quarantine, what is built whole stays as the runs before it left it, and which runs those
        # were depends on the kills. So the end is one without quarantine.
        for index, on in enumerate(days(count, FIRST)):
            if index % 7 == 3:
                write_day(root, on, [*ordinary_day(index), ("x", "b5", 1, 3.0)])
        _move_clock(shop, FIRST + timedelta(days=count + 1))
        shop.delivery.run()
    finally:
        shop.close()


def _rows(index: int) -> list[tuple[object, ...]]:
    return ordinary_day(index)[:1] if index % 7 == 3 else ordinary_day(index)


def _correct(shop: Shop, root: Path, on: date, index: int) -> None:
    corrected = [*ordinary_day(index), ("x", "b5", 1, 3.0)]
    path = root / "landing" / f"{on}.csv"
    if ",b5," not in path.read_text():
        write_day(root, on, corrected)
        shop.delivery.run()


def _move_clock(shop: Shop, on: date) -> None:
    from datetime import datetime, time
    from zoneinfo import ZoneInfo

    instant = datetime.combine(on + timedelta(days=1), time(6), ZoneInfo("UTC"))
    if instant > shop.clock.now():
        shop.clock.move_to(instant)


if __name__ == "__main__":
    bring(Path(sys.argv[1]), int(sys.argv[2]))
