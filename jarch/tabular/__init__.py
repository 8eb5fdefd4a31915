"""Tabular benchmarks: tables that know how every architecture of a space does.

A search on a table takes seconds where training would take months, so that searchers can be
compared over hundreds of seeds. A table is a CSV file of the user's; nothing is downloaded.
`read_nasbench201` reads that of NAS-Bench-201, `read_table` any other, and `Table.join` adds what
another file knows, such as latencies; `TabularEvaluator` is what a search evaluates by, and
`simulate` runs it on a simulated clock.
"""

from .clock import Step as Step, simulate as simulate
from .errors import MissingResult as MissingResult, TableError as TableError
from .evaluator import TabularEvaluator as TabularEvaluator
from .published import (
    EPOCH_FACTORS as EPOCH_FACTORS,
    TEST_COLUMNS as TEST_COLUMNS,
    cell_operations as cell_operations,
    cost_column as cost_column,
    from_arch_string as from_arch_string,
    nasbench201_evaluator as nasbench201_evaluator,
    read_nasbench201 as read_nasbench201,
    to_arch_string as to_arch_string,
)
from .reading import read_table as read_table
from .table import (
    FindKey as FindKey,
    Key as Key,
    Table as Table,
    decisions_key as decisions_key,
)
