"""What spikes cost: exact amounts, cost tables with sources, and the same network without spikes beside it."""

from lapilli.simulators.bill.bill import ASSUMPTIONS, Baseline, Bill, TableBill, bill_of
from lapilli.simulators.bill.cores import BusiestCore, busiest_cores
from lapilli.simulators.bill.cost_table import CostTable, bundled_tables, load_table
from lapilli.simulators.bill.estimate import Estimate, NotBilledError, estimate

__all__ = [
    "ASSUMPTIONS",
    "Baseline",
    "Bill",
    "BusiestCore",
    "CostTable",
    "Estimate",
    "NotBilledError",
    "TableBill",
    "bill_of",
    "bundled_tables",
    "busiest_cores",
    "estimate",
    "load_table",
]


def __dir__() -> list[str]:
    return sorted(__all__)
