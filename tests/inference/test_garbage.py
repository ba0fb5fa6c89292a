import gc
import weakref

from inference.garbage import spare_what_is_there


class Circle:
    def __init__(self) -> None:
        self.itself = self


def test_what_is_there_is_looked_through_no_more_and_what_comes_after_is() -> None:
    before = Circle()
    try:
        spare_what_is_there()
        assert gc.get_freeze_count() > 1000
        assert not any(found is before for found in gc.get_objects())
        gone = weakref.ref(Circle())
        gc.collect()
        assert gone() is None
    finally:
        gc.unfreeze()
