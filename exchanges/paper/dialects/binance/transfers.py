"""Binance's wallet histories: deposits, withdrawals, dust turned into BNB, distributions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import BAD_COMBINATION, ApiError
from exchanges.paper.dialects.binance.params import DAY_MS
from exchanges.paper.dialects.binance.wire import Json, amount
from exchanges.paper.records import Transfer, TransferKind

LONGEST_SPAN_MS = 90 * DAY_MS
DUST_MAX = 100


def deposits(call: Call) -> list[Json]:
    call.params.flag("includeSource", default=False)
    found = map(_deposit, _between(call, "deposit"))
    return _page(call, found, "coin", "status", "txId")


def withdrawals(call: Call) -> list[Json]:
    ids = (call.params.text("idList") or "").split(",")
    found = (row for row in map(_withdrawal, _between(call, "withdrawal")) if ids == [""] or row["id"] in ids)
    return _page(call, found, "coin", "status", "withdrawOrderId")


def dust(call: Call) -> Json:
    found = _between(call, "dust")
    return {"total": len(found), "userAssetDribblets": [_dribblet(each) for each in found[:DUST_MAX]]}


def dividends(call: Call) -> Json:
    found = _between(call, "distribution")
    rows = found[: call.params.limit(20, 500)]
    return {"rows": [_dividend(each) for each in rows], "total": len(found)}


def _page(call: Call, rows: Iterable[Json], *fields: str) -> list[Json]:
    """Return the wanted part of the rows that have in these fields what was asked for."""
    wanted = {name: value for name in fields if (value := call.params.text(name)) is not None}
    found = [
        row
        for row in rows
        if wanted.items() <= {name: str(row[name]) for name in fields if name in row}.items()
    ]
    first = call.params.integer("offset") or 0
    return found[first : first + call.params.limit(1000, 1000)]


def _between(call: Call, kind: TransferKind) -> list[Transfer]:
    """Return what happened in the span that was asked for, newest first; by default in the last 90 days."""
    engine = call.engine
    end_ms = call.params.time_ms("endTime", engine.now_ms)
    end_ms = engine.now_ms if end_ms is None else end_ms
    start_ms = call.params.time_ms("startTime", engine.now_ms)
    start_ms = end_ms - LONGEST_SPAN_MS if start_ms is None else start_ms
    if not 0 <= end_ms - start_ms <= LONGEST_SPAN_MS:
        raise ApiError(*BAD_COMBINATION)
    return engine.records.transfers(engine.world.account.account, kind, start_ms, end_ms)


def _deposit(each: Transfer) -> Json:
    return {
        "id": str(each.number),
        "amount": amount(each.amount),
        "coin": each.asset,
        "network": each.asset,
        "status": 1,
        "address": f"PAPER-{each.asset}",
        "addressTag": "",
        "txId": f"PAPER-{each.number}",
        "insertTime": each.time_ms,
        "completeTime": each.time_ms,
        "transferType": 0,
        "confirmTimes": "1/1",
        "unlockConfirm": 0,
        "walletType": 0,
        "travelRuleStatus": 0,
    }


def _withdrawal(each: Transfer) -> Json:
    return {
        "id": str(each.number),
        "amount": amount(-each.amount),
        "transactionFee": "0",
        "coin": each.asset,
        "status": 6,
        "address": f"PAPER-{each.asset}",
        "txId": f"PAPER-{each.number}",
        "applyTime": _text(each.time_ms),
        "network": each.asset,
        "transferType": 0,
        "info": "",
        "confirmNo": 1,
        "walletType": 0,
        "txKey": "",
        "completeTime": _text(each.time_ms),
    }


def _dribblet(each: Transfer) -> Json:
    detail = {
        "transId": each.number,
        "serviceChargeAmount": amount(0),
        "amount": amount(-each.amount),
        "operateTime": each.time_ms,
        "transferedAmount": amount(each.in_bnb),
        "fromAsset": each.asset,
    }
    return {
        "operateTime": each.time_ms,
        "totalTransferedAmount": amount(each.in_bnb),
        "totalServiceChargeAmount": amount(0),
        "transId": each.number,
        "userAssetDribbletDetails": [detail],
    }


def _dividend(each: Transfer) -> Json:
    return {
        "id": each.number,
        "amount": amount(each.amount),
        "asset": each.asset,
        "divTime": each.time_ms,
        "enInfo": "Paper distribution",
        "tranId": each.number,
        "direction": 1,
    }


def _text(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):%Y-%m-%d %H:%M:%S}"
