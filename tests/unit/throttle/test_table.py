import mmap

import pytest

from gateway.throttle.table import BucketTable, bytes_needed, view_of_cell


def test_a_bucket_takes_a_cell_for_each_worker_and_a_base() -> None:
    assert bytes_needed(10, 1) == 160
    assert bytes_needed(10, 4) == 400
    assert bytes_needed(0, 4) == 0


def test_rows_do_not_overlap_and_fill_the_buffer() -> None:
    table = BucketTable(bytearray(bytes_needed(3, 2)), 3, 2, 0)

    assert [table.row(index) for index in range(3)] == [0, 3, 6]
    assert len(table.cells) == 9


def test_workers_see_one_memory() -> None:
    with mmap.mmap(-1, mmap.PAGESIZE) as memory:
        tables = [BucketTable(memory, 3, 2, worker) for worker in range(2)]
        tables[0].cells[4] = 1.5

        assert tables[1].cells[4] == 1.5
        for table in tables:
            table.cells.release()


def test_buffer_may_be_longer_than_needed() -> None:
    assert len(BucketTable(bytearray(8_192), 1, 1, 0).cells) == 2


@pytest.mark.parametrize(
    ("capacity", "workers", "worker", "message"),
    [
        (-1, 1, 0, "capacity of 0 or more"),
        (1, 0, 0, "at least 1 worker"),
        (1, 2, 2, "Worker 2 is none of 0 to 1"),
        (1, 2, -1, "Worker -1 is none of 0 to 1"),
        (100, 2, 0, "need 2400 bytes, the buffer has 160"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    capacity: int, workers: int, worker: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        BucketTable(bytearray(160), capacity, workers, worker)


def test_memory_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(ValueError, match="writable"):
        BucketTable(memoryview(bytes(160)), 1, 1, 0)


@pytest.mark.parametrize("index", [-1, 3])
def test_bucket_outside_the_table_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match="outside a table of 3"):
        BucketTable(bytearray(160), 3, 1, 0).row(index)


def test_a_cell_is_seen_by_itself() -> None:
    table = BucketTable(bytearray(240), 5, 2, 1)
    view = view_of_cell(table.cells, 7)
    view[()] = 1.5
    table.cells[8] = 2.5

    assert table.cells.tolist()[6:9] == [0.0, 1.5, 2.5]
    assert (view[()], table.cell(8)[()], view.ndim) == (1.5, 2.5, 0)


def test_repr_says_whose_view_it_is() -> None:
    assert repr(BucketTable(bytearray(240), 5, 2, 1)) == "<BucketTable 5 buckets, worker 1 of 2>"
