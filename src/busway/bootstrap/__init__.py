"""The only place that knows everything: reads the configuration and wires processes from the parts."""
