"""Effective batches depend only on seed and epoch; processes and accumulation cut them into micro-batches."""

import pytest

from ina.batches import Batches, divide_batch

LENGTHS = [3 + (7 * example) % 11 for example in range(45)]
FEATURES = [{"input_ids": [0] * length, "example": example} for example, length in enumerate(LENGTHS)]


def collate(examples):
    return {"examples": [example["example"] for example in examples]}


def batches(features=FEATURES, batch_size=8, seed=1, epoch=0, **cut):
    made = Batches(features, collate, batch_size, seed, **cut)
    made.set_epoch(epoch)
    return made


def order(**settings):
    return [batch.tolist() for batch in batches(**settings).order()]


def test_every_example_comes_once_an_epoch_in_batches_of_like_length_that_are_not_sorted():
    found = order()
    assert sorted(sum(found, [])) == list(range(45))
    assert [len(batch) for batch in found] == [8, 8, 8, 8, 8, 5]
    spreads = [max(LENGTHS[i] for i in batch) - min(LENGTHS[i] for i in batch) for batch in found]
    assert max(spreads) <= 2 < max(LENGTHS) - min(LENGTHS)
    means = [sum(LENGTHS[i] for i in batch) for batch in order(batch_size=4)[:-1]]
    assert means != sorted(means) and means != sorted(means, reverse=True)


def test_an_epoch_of_several_mega_batches_has_every_example_once_and_sorts_by_length_only_within_each(monkeypatch):
    monkeypatch.setattr("ina.batches.MEGA_BATCH", 2)
    found = order()
    assert sorted(sum(found, [])) == list(range(45))
    assert max(max(LENGTHS[i] for i in batch) - min(LENGTHS[i] for i in batch) for batch in found) > 2


def test_the_length_of_a_multiple_choice_example_is_that_of_its_longest_choice():
    examples = [{"input_ids": [[1] * size, [1], [1], [1]]} for size in range(1, 65)]
    made = Batches(examples, lambda chosen: {"sizes": [len(one["input_ids"][0]) for one in chosen]}, 8, seed=1)
    assert all(max(batch["sizes"]) - min(batch["sizes"]) == 7 for batch in made)


def test_the_order_is_a_function_of_seed_and_epoch():
    assert order() == order()
    assert order() != order(seed=2) and order() != order(epoch=1)


@pytest.mark.parametrize(("processes", "micro_batches"), [(1, 1), (2, 1), (1, 4), (2, 2), (4, 2)])
def test_processes_and_accumulation_cut_the_same_batches_into_pieces(processes, micro_batches):
    parts = [list(batches(micro_batches=micro_batches, process=rank, processes=processes)) for rank in range(processes)]
    assert {len(part) for part in parts} == {len(batches(micro_batches=micro_batches))} == {6 * micro_batches}
    for number, expected in enumerate(order()):
        places = slice(number * micro_batches, (number + 1) * micro_batches)
        found = [one for part in parts for one in part[places]]
        counted = [one for one in found if one["share"]]
        assert sorted(i for one in counted for i in one["examples"]) == sorted(expected)
        assert [one["share"] for one in counted] == [len(one["examples"]) / len(expected) for one in counted]
        # an effective batch may have fewer examples than micro-batches
        assert all(len(one["examples"]) == 1 for one in found if not one["share"])


@pytest.mark.parametrize(
    ("effective", "processes", "most", "expected"),
    [(32, 1, None, (32, 1)), (32, 1, 8, (8, 4)), (32, 2, None, (16, 1)), (32, 2, 8, (8, 2)), (8, 2, 32, (4, 1))],
)
def test_the_effective_batch_is_device_batch_times_accumulation_times_processes(effective, processes, most, expected):
    assert divide_batch(effective, processes, most) == expected


def test_a_batch_that_cannot_be_split_evenly_is_an_error():
    with pytest.raises(ValueError, match="train.batch_size=32 is not a multiple of the 3 processes"):
        divide_batch(32, 3, None)
    with pytest.raises(ValueError, match="train.device_batch_size=5 does not divide 16"):
        divide_batch(32, 2, 5)
