"""From the cards of this machine to what users ask for: device specs, aliases and flavors, named after the GPUs.

Entry points: `propose` (`propose`) looks and writes nothing; `apply` (`apply_proposal`) makes what is not there yet.
"""
