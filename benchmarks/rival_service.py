"""What a team would write instead: FastAPI, pydantic, asyncpg and PostgreSQL.

Started by `benchmarks.postgres`, with the database's address in VAFA_RIVAL_DSN. It knows one
rule, a point for a whole unit of money. A sale is one statement in one durable transaction:
the sale, its lines, a ledger row, the balance. A batch is four statements over arrays.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

PER_POINT = 100
CLIENTS = 16

SCHEMA = """
create table sale (
    id text primary key, member text not null, store text, terminal text,
    occurred_at timestamptz not null, net bigint not null
);
create table line (
    sale text not null, place int not null, sku text not null, quantity bigint not null,
    net bigint not null, primary key (sale, place)
);
create table ledger (
    seq bigserial primary key, sale text not null, member text not null, rule text not null,
    points bigint not null
);
create index on ledger (member, seq);
create table balance (member text primary key, points bigint not null);
"""

ONE = """
with new as (
    insert into sale values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning id
), lines as (
    insert into line
    select new.id, one.* from new,
        unnest($7::int[], $8::text[], $9::bigint[], $10::bigint[]) as one
), earned as (
    insert into ledger (sale, member, rule, points) select id, $2, 'base', $11 from new
    returning seq
), balanced as (
    insert into balance select $2, $11 from new
    on conflict (member) do update set points = balance.points + excluded.points
    returning points
)
select earned.seq, balanced.points from earned, balanced
"""

MANY_SALES = """
insert into sale
select * from unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[]
)
on conflict do nothing returning id
"""
MANY_LINES = """
insert into line
select * from unnest($1::text[], $2::int[], $3::text[], $4::bigint[], $5::bigint[])
"""
MANY_EARNED = """
insert into ledger (sale, member, rule, points)
select sale, member, 'base', points
from unnest($1::text[], $2::text[], $3::bigint[]) as one (sale, member, points)
"""
MANY_BALANCES = """
insert into balance
select member, sum(points) from unnest($1::text[], $2::bigint[]) as one (member, points)
group by member order by member
on conflict (member) do update set points = balance.points + excluded.points
"""


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sku: str = Field(min_length=1, max_length=64)
    quantity: int
    net: int


class Tender(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: str
    amount: int


class Sale(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, max_length=128)
    kind: str
    occurred_at: dt.datetime
    member: str
    store: str = ""
    terminal: str = ""
    lines: list[Line] = Field(max_length=1000)
    tenders: list[Tender] = []

    @property
    def net(self) -> int:
        return sum(line.net for line in self.lines)


class Posting(BaseModel):
    rule: str
    points: int


class Answer(BaseModel):
    id: str
    seq: int
    status: str
    postings: list[Posting]
    balance: int


class Balance(BaseModel):
    member: str
    points: int


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connections for as long as the service runs."""
    async with asyncpg.create_pool(
        os.environ["VAFA_RIVAL_DSN"], min_size=CLIENTS, max_size=CLIENTS
    ) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/v1/events", status_code=201)
async def event(sale: Sale, response: Response) -> Answer:
    """One sale; one that is known counts no more."""
    points = sale.net // PER_POINT
    lines = sale.lines
    row = await app.state.pool.fetchrow(
        ONE, sale.id, sale.member, sale.store, sale.terminal, sale.occurred_at, sale.net,
        list(range(len(lines))), [line.sku for line in lines], [line.quantity for line in lines],
        [line.net for line in lines], points,
    )
    if row is None:
        response.status_code = 200
        return Answer(id=sale.id, seq=0, status="known", postings=[], balance=0)
    earned = [Posting(rule="base", points=points)]
    return Answer(id=sale.id, seq=row[0], status="ok", postings=earned, balance=row[1])


@app.post("/v1/batches")
async def batch(sales: list[Sale]) -> list[str]:
    """Many sales in one transaction; the ids of those that are new."""
    async with app.state.pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(
            MANY_SALES, [sale.id for sale in sales], [sale.member for sale in sales],
            [sale.store for sale in sales], [sale.terminal for sale in sales],
            [sale.occurred_at for sale in sales], [sale.net for sale in sales],
        )
        new = {row[0] for row in rows}
        kept = [sale for sale in sales if sale.id in new]
        lines = [(sale.id, place, line) for sale in kept for place, line in enumerate(sale.lines)]
        await connection.execute(
            MANY_LINES, [name for name, _, _ in lines], [place for _, place, _ in lines],
            [line.sku for _, _, line in lines], [line.quantity for _, _, line in lines],
            [line.net for _, _, line in lines],
        )
        points = [sale.net // PER_POINT for sale in kept]
        members = [sale.member for sale in kept]
        await connection.execute(MANY_EARNED, [sale.id for sale in kept], members, points)
        await connection.execute(MANY_BALANCES, members, points)
    return [sale.id for sale in kept]


@app.get("/v1/members/{member}")
async def balance(member: str) -> Balance:
    """A member's points."""
    points = await app.state.pool.fetchval("select points from balance where member = $1", member)
    if points is None:
        raise HTTPException(404)
    return Balance(member=member, points=points)
