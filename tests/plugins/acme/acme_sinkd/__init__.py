"""A plugin for sinkd that adds one of each kind."""
