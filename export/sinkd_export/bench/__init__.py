"""Time models against each other so that the ratios can be trusted."""

from sinkd_export.bench.options import BenchOptions, Shape
from sinkd_export.bench.records import BenchReport
from sinkd_export.bench.run import bench

__all__ = ["BenchOptions", "BenchReport", "Shape", "bench"]
