"""Facts of no member explained: what they did to whom, as the journal has it."""

from __future__ import annotations

from typing import Literal

import msgspec

from ..columns.answers import fact_view, instant_text
from ..columns.columns import MEMBER_KINDS
from ..columns.records import StoredFact
from ..columns.schema import column
from ..columns.status import REFUSALS, Status
from ..controls.budgets import read_closing
from ..controls.standing import BUDGET_CLOSED
from ..facts import KINDS
from .journal import postings_told
from .member import Reader, journalled, shown
from .shape import ControlTold, PartOfMember
from .words import sentences_of_control

_STATUSES: dict[Status, Literal["ok", "parked"]] = {Status.OK: "ok", Status.PARKED: "parked"}


def control_told(reader: Reader, stored: StoredFact, lang: str | None) -> ControlTold:
    """A catalogue, stores, a program or a closed day, with the rows that it caused.

    What is nobody's has caused none.
    """
    record = reader.records.at(stored.seq).record
    members, budgets = [], []
    last = stored.seq if stored.kind in MEMBER_KINDS else record.last
    for seq in range(stored.seq + 1, last + 1):
        row = reader.stored(seq)
        if row.kind == BUDGET_CLOSED:
            budgets.append(read_closing(row.batch.column("payload")[row.row].as_py()).rule)
            continue
        postings = list(journalled(reader, row))
        name = shown(reader.dictionaries.members.names[column(row.batch, "member")[row.row]])
        own = postings_told(p for p in postings if not p.corrects)
        members.append(PartOfMember(name, own, sum(p.corrects > 0 for p in postings)))
    at = int(column(stored.batch, "at")[stored.row])
    status = Status(stored.status)
    told = ControlTold(
        stored.id, stored.seq, KINDS[stored.kind], instant_text(at),
        instant_text(stored.committed_at), _STATUSES.get(status, "refused"),
        REFUSALS.get(status), fact_view(stored, reader.dictionaries), members, budgets,
    )  # fmt: skip
    if lang is None:
        return told
    words = sentences_of_control(told, reader.versions.showing(at).program, lang)
    return msgspec.structs.replace(told, sentences=words)
