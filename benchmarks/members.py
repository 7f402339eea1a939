"""A million members beside those of the data: a basket each, as the data has them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

import pyarrow as pa

from vafa.engine.formats import complete_journey

MEMBERS = 1_000_000
BATCH = 8192


def a_million_more(year: complete_journey.CompleteJourney) -> Iterator[pa.Table]:
    """The year's baskets again and again under new ids, each of a member of its own, `m0` on."""
    made = 0
    for batch in cycle(list(year.batches(BATCH))):
        table = batch.slice(0, min(batch.num_rows, MEMBERS - made))
        numbers = range(made, made + table.num_rows)
        for name, first in (("id", "more-"), ("member", "m")):
            place = table.schema.get_field_index(name)
            field = table.schema.field(place)
            texts = pa.array([f"{first}{number}" for number in numbers], field.type)
            table = table.set_column(place, field, texts)
        yield table
        made += table.num_rows
        if made == MEMBERS:
            return
