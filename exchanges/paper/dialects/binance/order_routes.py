"""The endpoints that place, change, end and show orders."""

from __future__ import annotations

from exchanges.paper.dialects.binance import amendments, order_lists, orders, replacing
from exchanges.paper.dialects.binance.call import Handler
from exchanges.paper.dialects.binance.order_form import PLACEMENT
from exchanges.paper.dialects.binance.route import Route, Security, by

_USER, _TRADE = Security.USER_DATA, Security.TRADE
_ORDER = ("symbol", "side", "type")
_WHICH = ("orderId", "origClientOrderId")
_LISTING = ("startTime", "endTime", "limit")
_SOR = ("timeInForce", "price", "newClientOrderId", "strategyId", "strategyType", "icebergQty")
_SOR_TAKES = (*_SOR, "newOrderRespType", "selfTradePreventionMode")


def _test_weight(values: dict[str, str]) -> int:
    return 20 if values.get("computeCommissionRates") == "true" else 1


def _placing(handler: Handler, mandatory: tuple[str, ...], optional: tuple[str, ...]) -> Route:
    return Route(handler, 1, _TRADE, mandatory, optional, free_on_success=True, places=True)


ORDER_ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "/api/v3/order"): _placing(orders.place, _ORDER, PLACEMENT),
    ("POST", "/api/v3/order/test"): Route(
        orders.test, _test_weight, _TRADE, mandatory=_ORDER, optional=(*PLACEMENT, "computeCommissionRates")
    ),
    ("GET", "/api/v3/order"): Route(orders.query, 4, _USER, mandatory=("symbol",), optional=_WHICH),
    ("DELETE", "/api/v3/order"): Route(
        orders.cancel,
        1,
        _TRADE,
        mandatory=("symbol",),
        optional=(*_WHICH, "newClientOrderId", "cancelRestrictions"),
        free_on_success=True,
    ),
    ("GET", "/api/v3/openOrders"): Route(
        orders.open_orders, by("symbol", 6, 80), _USER, optional=("symbol",)
    ),
    ("DELETE", "/api/v3/openOrders"): Route(
        orders.cancel_all, 1, _TRADE, mandatory=("symbol",), free_on_success=True
    ),
    ("GET", "/api/v3/allOrders"): Route(
        orders.all_orders, 20, _USER, mandatory=("symbol",), optional=("orderId", *_LISTING)
    ),
    ("POST", "/api/v3/order/cancelReplace"): _placing(
        replacing.cancel_replace, (*_ORDER, "cancelReplaceMode"), (*PLACEMENT, *replacing.CANCEL)
    ),
    ("PUT", "/api/v3/order/amend/keepPriority"): Route(
        amendments.amend,
        4,
        _TRADE,
        mandatory=("symbol", "newQty"),
        optional=(*_WHICH, "newClientOrderId"),
    ),
    ("GET", "/api/v3/order/amendments"): Route(
        amendments.history,
        4,
        _USER,
        mandatory=("symbol", "orderId"),
        optional=("fromExecutionId", "limit"),
    ),
    ("POST", "/api/v3/orderList/oco"): _placing(
        order_lists.place_oco, order_lists.OCO_NEEDS, order_lists.OCO_TAKES
    ),
    ("POST", "/api/v3/order/oco"): _placing(
        order_lists.place_old_oco, order_lists.OLD_OCO_NEEDS, order_lists.OLD_OCO_TAKES
    ),
    ("POST", "/api/v3/orderList/oto"): _placing(
        order_lists.place_oto, order_lists.OTO_NEEDS, order_lists.OTO_TAKES
    ),
    ("POST", "/api/v3/orderList/otoco"): _placing(
        order_lists.place_otoco, order_lists.OTOCO_NEEDS, order_lists.OTOCO_TAKES
    ),
    ("POST", "/api/v3/orderList/opo"): _placing(
        order_lists.place_opo, order_lists.OPO_NEEDS, order_lists.OTO_TAKES
    ),
    ("POST", "/api/v3/orderList/opoco"): _placing(
        order_lists.place_opoco, order_lists.OPOCO_NEEDS, order_lists.OTOCO_TAKES
    ),
    ("DELETE", "/api/v3/orderList"): Route(
        order_lists.cancel,
        1,
        _TRADE,
        mandatory=("symbol",),
        optional=("orderListId", "listClientOrderId", "newClientOrderId"),
        free_on_success=True,
    ),
    ("GET", "/api/v3/orderList"): Route(
        order_lists.query, 4, _USER, optional=("orderListId", "origClientOrderId")
    ),
    ("GET", "/api/v3/allOrderList"): Route(order_lists.all_lists, 20, _USER, optional=("fromId", *_LISTING)),
    ("GET", "/api/v3/openOrderList"): Route(order_lists.open_lists, 6, _USER),
    ("POST", "/api/v3/sor/order"): Route(
        orders.refuse_routing, 1, _TRADE, mandatory=(*_ORDER, "quantity"), optional=_SOR_TAKES
    ),
    ("POST", "/api/v3/sor/order/test"): Route(
        orders.refuse_routing,
        _test_weight,
        _TRADE,
        mandatory=(*_ORDER, "quantity"),
        optional=(*_SOR_TAKES, "computeCommissionRates"),
    ),
}
